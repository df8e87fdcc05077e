-- Whether a token is the part's; a row if it is.
-- ?1 tenant or '' · ?2 name · ?3 part · ?4 token
SELECT 1 FROM subscription_parts WHERE tenant = ?1 AND name = ?2 AND part = ?3 AND token = ?4
