-- Record why the last consumer stopped, or clear it.
-- ?1 tenant or '' · ?2 name · ?3 reason or null
UPDATE subscriptions SET stopped = ?3 WHERE tenant = ?1 AND name = ?2
