-- Give up one part, if the token holds.
-- ?1 tenant or '' · ?2 name · ?3 part · ?4 token
UPDATE subscription_parts SET owner = NULL, lease_until = NULL, token = token + 1
WHERE tenant = ?1 AND name = ?2 AND part = ?3 AND token = ?4
