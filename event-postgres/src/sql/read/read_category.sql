-- A page of one category in global order, up to the last final position.
-- Both bounds are pairs of category and position, so that the index of the category is the only plan.
-- $1 after · $2 last final position · $3 tenant or null · $4 event types or null · $5 recorded from or null · $6 recorded before or null · $7 limit · $8 category
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
WHERE (e.category_key, e.position) > ((SELECT c.category_key FROM event_store.categories c WHERE c.name = $8), $1)
  AND (e.category_key, e.position) <= ((SELECT c.category_key FROM event_store.categories c WHERE c.name = $8), $2)
  AND ($3::text IS NULL OR e.tenant_key = (SELECT w.tenant_key FROM event_store.tenants w WHERE w.name = $3))
  AND ($4::text[] IS NULL OR e.event_type = ANY ($4))
  AND ($5::timestamptz IS NULL OR e.created_at >= $5)
  AND ($6::timestamptz IS NULL OR e.created_at < $6)
ORDER BY e.category_key, e.position LIMIT $7
