-- Give up all that an owner has.
-- ?1 tenant or '' · ?2 name · ?3 owner
UPDATE subscription_parts SET owner = NULL, lease_until = NULL, token = token + 1 WHERE tenant = ?1 AND name = ?2 AND owner = ?3
