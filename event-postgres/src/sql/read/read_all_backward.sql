-- A page of all streams, the latest final events first.
-- $1 after · $2 last position · $3 tenant or null · $4 event types or null · $5 recorded from or null · $6 recorded before or null · $7 limit
-- · $8 stream or null · $9 category or null · $10 correlation id, or null; the reader compares it: see read_correlated.sql
-- Events before first_version are truncated. The reader skips them: as a condition here, it would be evaluated on the stream of every row.
-- started: which server it is, see lineage.rs.
-- The columns of an event come first, in the order that row.rs expects.
-- OFFSET 0 keeps the planner from beginning with the streams, see read_all.sql.
SELECT t.name AS tenant, s.stream_id, e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.created_at, s.first_version,
       pg_postmaster_start_time() AS started
FROM event_store.events e
CROSS JOIN LATERAL (
  SELECT * FROM event_store.streams s WHERE s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key OFFSET 0) s
CROSS JOIN LATERAL (SELECT * FROM event_store.tenants t WHERE t.tenant_key = e.tenant_key OFFSET 0) t
WHERE e.position > $1 AND e.position <= $2
  AND ($3::text IS NULL OR e.tenant_key = (SELECT w.tenant_key FROM event_store.tenants w WHERE w.name = $3))
  AND ($4::text[] IS NULL OR e.event_type = ANY ($4))
  AND ($5::timestamptz IS NULL OR e.created_at >= $5)
  AND ($6::timestamptz IS NULL OR e.created_at < $6)
  AND ($8::text IS NULL OR s.stream_id = $8)
  AND ($9::text IS NULL OR e.category_key = (SELECT c.category_key FROM event_store.categories c WHERE c.name = $9))
  AND ($10::text IS NULL OR strpos(e.metadata::text, $10) > 0 OR strpos(e.metadata::text, '\') > 0)
ORDER BY e.position DESC LIMIT $7
