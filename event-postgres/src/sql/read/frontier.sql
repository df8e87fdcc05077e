-- What is final, seen in one snapshot.
-- $1 the last position known to be final · $2 how many positions to fetch at most
-- Answer:
--   xmin      every transaction below it has ended
--   next_xid  no transaction from it on had started when it was read, which is after the snapshot was taken. It is not pg_snapshot_xmax,
--             which may be lower than transactions in progress
--   highest   the highest visible position
--   highest_id  the id of its event
--   started   when the server started: which server it is, see lineage.rs
--   visible   the visible positions just after $1
-- Autocommit only: age() does not change within a transaction.
SELECT h.x::text::bigint AS xmin, h.x::text::bigint + age(h.x::xid) AS next_xid,
       coalesce(m.position, 0) AS highest, m.event_id AS highest_id, pg_postmaster_start_time() AS started,
       (SELECT coalesce(array_agg(r.position), '{}') FROM
         (SELECT e.position FROM event_store.events e WHERE e.position > $1 ORDER BY e.position LIMIT $2) r) AS visible
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x) h
LEFT JOIN LATERAL (SELECT e.position, e.event_id FROM event_store.events e ORDER BY e.position DESC LIMIT 1) m ON true
