-- Remove a consumer.
-- ?1 tenant or '' · ?2 name · ?3 owner
DELETE FROM subscription_members WHERE tenant = ?1 AND name = ?2 AND owner = ?3
