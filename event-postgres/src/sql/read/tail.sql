-- The end of the log in one snapshot: the events that became visible after a position, with what tells a gap from a late commit; see
-- frontier.sql.
-- $1 the position up to which everything is known · $2 how many events at most
-- One row without an event if there is none. Autocommit only: age() does not change within a transaction.
-- OFFSET 0 keeps the planner from beginning with the streams, see read_all.sql.
-- The columns of an event come first, in the order that row.rs expects.
SELECT e.tenant, e.stream_id, e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.created_at, e.first_version,
       h.x::text::bigint AS xmin, h.x::text::bigint + age(h.x::xid) AS next_xid,
       coalesce(m.position, 0) AS highest, m.event_id AS highest_id, pg_postmaster_start_time() AS started
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x) h
LEFT JOIN LATERAL (SELECT z.position, z.event_id FROM event_store.events z ORDER BY z.position DESC LIMIT 1) m ON true
LEFT JOIN LATERAL (
  SELECT t.name AS tenant, s.stream_id, v.version, v.position, v.event_id, v.event_type, v.schema_version, v.data, v.metadata, v.created_at, s.first_version
  FROM event_store.events v
  CROSS JOIN LATERAL (
    SELECT * FROM event_store.streams s WHERE s.tenant_key = v.tenant_key AND s.stream_key = v.stream_key OFFSET 0) s
  CROSS JOIN LATERAL (SELECT * FROM event_store.tenants t WHERE t.tenant_key = v.tenant_key OFFSET 0) t
  WHERE v.position > $1
  ORDER BY v.position LIMIT $2
) e ON true
ORDER BY e.position
