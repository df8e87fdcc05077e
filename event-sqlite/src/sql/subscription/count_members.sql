-- The number of consumers that are alive, once the expired ones are removed, and of those whose name sorts before one.
-- ?1 tenant or '' · ?2 name · ?3 owner
SELECT count(*) AS members, count(*) FILTER (WHERE owner < ?3) AS rank FROM subscription_members WHERE tenant = ?1 AND name = ?2
