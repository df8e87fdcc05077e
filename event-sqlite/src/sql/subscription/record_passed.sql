-- Record what a subscription has passed until a change.
-- ?1 tenant or '' · ?2 name · ?3 position after which new events are handled, or null
INSERT INTO subscription_changes (tenant, name, number, incarnation, filter, up_to, new_after)
SELECT s.tenant, s.name, 1 + coalesce((SELECT max(c.number) FROM subscription_changes c WHERE c.tenant = ?1 AND c.name = ?2), 0), s.incarnation, s.filter,
       (SELECT group_concat(p.position, ',') FROM (SELECT q.position FROM subscription_partitions q WHERE q.tenant = ?1 AND q.name = ?2 ORDER BY q.partition) p),
       ?3
FROM subscriptions s WHERE s.tenant = ?1 AND s.name = ?2
