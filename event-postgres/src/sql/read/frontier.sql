-- What is final: one snapshot's horizon, the highest visible position, and the visible positions just after the frontier.
-- $1 the last position known to be final · $2 how many positions to fetch at most
-- xmin: every transaction below it is finished · next_xid: none from it on had started when it was read, which is after the snapshot
-- (not pg_snapshot_xmax: that may lie below transactions that are running). Autocommit only: age() is fixed for a transaction.
SELECT h.x::text::bigint AS xmin, h.x::text::bigint + age(h.x::xid) AS next_xid,
       (SELECT coalesce(max(e.position), 0) FROM event_store.events e) AS highest,
       (SELECT coalesce(array_agg(r.position), '{}') FROM
         (SELECT e.position FROM event_store.events e WHERE e.position > $1 ORDER BY e.position LIMIT $2) r) AS visible
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x) h
