-- Every partition of the subscriptions, and how far it is behind the log.
-- ?1 tenant, or null for all
WITH clock (now, head) AS MATERIALIZED (
  SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER), coalesce((SELECT max(m.position) FROM events m), 0)
), parked (tenant, name, events) AS MATERIALIZED (
  SELECT k.tenant, k.name, count(*) FROM parked_events k WHERE ?1 IS NULL OR k.tenant = ?1 GROUP BY k.tenant, k.name
)
SELECT s.tenant, s.name, s.filter, s.paused, s.stopped, p.partition, p.position, p.skipped,
       CASE WHEN p.lease_until > c.now THEN p.owner END AS owner,
       coalesce((SELECT k.events FROM parked k WHERE k.tenant = s.tenant AND k.name = s.name), 0) AS parked,
       max(c.head - p.position, 0) AS lag,
       (SELECT e.recorded_at FROM events e WHERE e.position > p.position ORDER BY e.position LIMIT 1) AS behind_since,
       c.now
FROM clock c
CROSS JOIN subscriptions s
CROSS JOIN subscription_partitions p ON p.tenant = s.tenant AND p.name = s.name
WHERE ?1 IS NULL OR s.tenant = ?1
ORDER BY s.tenant, s.name, p.partition
