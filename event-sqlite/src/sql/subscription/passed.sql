-- What a subscription had passed at each change.
-- ?1 tenant or '' · ?2 name
SELECT incarnation, filter, up_to, new_after FROM subscription_changes WHERE tenant = ?1 AND name = ?2 ORDER BY number
