-- Revoke all leases of a subscription. With a position, also reset all its checkpoints to it.
-- ?1 tenant or '' · ?2 name · ?3 position or null
UPDATE subscription_partitions SET owner = NULL, lease_until = NULL, token = token + 1 + (random() & 0x3fffffff), position = coalesce(?3, position),
  event_position = CASE WHEN ?3 IS NULL THEN event_position END, event_id = CASE WHEN ?3 IS NULL THEN event_id END
WHERE tenant = ?1 AND name = ?2
