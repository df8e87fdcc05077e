-- Why the last consumer gave up.
-- ?1 tenant or '' · ?2 name · ?3 why, or null
UPDATE subscriptions SET stopped = ?3 WHERE tenant = ?1 AND name = ?2
