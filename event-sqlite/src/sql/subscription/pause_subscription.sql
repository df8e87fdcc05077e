-- Pause or resume a subscription.
-- ?1 tenant or '' · ?2 name · ?3 whether it is paused
UPDATE subscriptions SET paused = ?3 WHERE tenant = ?1 AND name = ?2
