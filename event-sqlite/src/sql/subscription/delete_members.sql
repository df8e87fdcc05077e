-- Delete the consumers of a subscription.
-- ?1 tenant or '' · ?2 name
DELETE FROM subscription_members WHERE tenant = ?1 AND name = ?2
