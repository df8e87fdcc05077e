-- Every partition of the subscriptions, and how far behind it is.
-- $1 tenant, or null for all
WITH parked AS MATERIALIZED (
  SELECT k.tenant, k.name, count(*) AS events FROM event_store.parked_events k WHERE $1::text IS NULL OR k.tenant = $1 GROUP BY k.tenant, k.name
)
SELECT s.tenant, s.name, s.filter, s.paused, s.stopped, p.partition, p.position, p.skipped,
       CASE WHEN p.lease_until > clock_timestamp() THEN p.owner END AS owner,
       coalesce(k.events, 0) AS parked,
       greatest(h.head - p.position, 0) AS lag,
       (SELECT e.created_at FROM event_store.events e WHERE e.position > p.position ORDER BY e.position LIMIT 1) AS behind_since,
       clock_timestamp() AS now
FROM event_store.subscriptions s
JOIN event_store.subscription_partitions p ON p.tenant = s.tenant AND p.name = s.name
LEFT JOIN parked k ON k.tenant = s.tenant AND k.name = s.name
CROSS JOIN (SELECT coalesce(max(m.position), 0) AS head FROM event_store.events m) h
WHERE $1::text IS NULL OR s.tenant = $1
ORDER BY s.tenant, s.name, p.partition
