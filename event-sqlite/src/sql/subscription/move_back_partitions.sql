-- Revoke all leases of a subscription, and move back every checkpoint after a position.
-- ?1 tenant or '' · ?2 name · ?3 position, or null for none
UPDATE subscription_partitions SET owner = NULL, lease_until = NULL, token = token + 1 + (random() & 0x3fffffff),
  position = min(position, coalesce(?3, position)),
  event_position = CASE WHEN ?3 < position THEN NULL ELSE event_position END, event_id = CASE WHEN ?3 < position THEN NULL ELSE event_id END
WHERE tenant = ?1 AND name = ?2
