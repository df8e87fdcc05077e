-- A page of one stream in global order, up to the last final position; without a tenant, of every tenant's stream of that name.
-- $1 after · $2 last final position · $3 tenant or null · $4 event types or null · $5 recorded from or null · $6 recorded before or null · $7 limit · $8 stream
-- started: which server it is, see lineage.rs.
-- The columns of an event come first, in the order that row.rs expects.
SELECT t.name AS tenant, s.stream_id, e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.created_at, s.first_version,
       pg_postmaster_start_time() AS started
FROM event_store.tenants t
JOIN event_store.streams s ON s.tenant_key = t.tenant_key AND s.stream_id = $8
JOIN event_store.events e ON e.tenant_key = s.tenant_key AND e.stream_key = s.stream_key AND e.version >= s.first_version
WHERE ($3::text IS NULL OR t.name = $3) AND e.position > $1 AND e.position <= $2
  AND ($4::text[] IS NULL OR e.event_type = ANY ($4))
  AND ($5::timestamptz IS NULL OR e.created_at >= $5)
  AND ($6::timestamptz IS NULL OR e.created_at < $6)
ORDER BY e.position LIMIT $7
