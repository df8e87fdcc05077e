-- Delete a subscription.
-- ?1 tenant or '' · ?2 name
DELETE FROM subscriptions WHERE tenant = ?1 AND name = ?2
