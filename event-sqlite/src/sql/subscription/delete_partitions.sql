-- Forget a subscription: its parts.
-- ?1 tenant or '' · ?2 name
DELETE FROM subscription_parts WHERE tenant = ?1 AND name = ?2
