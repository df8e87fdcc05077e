-- Pause a subscription, or let it go on.
-- ?1 tenant or '' · ?2 name · ?3 paused
UPDATE subscriptions SET paused = ?3 WHERE tenant = ?1 AND name = ?2
