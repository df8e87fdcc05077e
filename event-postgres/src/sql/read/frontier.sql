-- What is final, seen in one snapshot.
-- $1 the last position known to be final · $2 how many positions to fetch at most
-- Answer:
--   xmin      every transaction below it has ended
--   next_xid  no transaction from it on had started when it was read, which is after the snapshot was taken. It is not pg_snapshot_xmax,
--             which may be lower than transactions in progress
--   highest   the highest visible position
--   visible   the visible positions just after $1
-- Autocommit only: age() does not change within a transaction.
SELECT h.x::text::bigint AS xmin, h.x::text::bigint + age(h.x::xid) AS next_xid,
       (SELECT coalesce(max(e.position), 0) FROM event_store.events e) AS highest,
       (SELECT coalesce(array_agg(r.position), '{}') FROM
         (SELECT e.position FROM event_store.events e WHERE e.position > $1 ORDER BY e.position LIMIT $2) r) AS visible
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x) h
