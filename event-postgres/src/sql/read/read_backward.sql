-- A page of a stream, newest first, with the stream's row; the columns of the event are null on an empty page.
-- $1 tenant · $2 stream · $3 highest version wanted · $4 limit
-- No row if there is no such stream.
-- The columns of an event come first, in the order that row.rs expects.
-- The row of the stream is materialized, so that its state is converted to text once and not once per event.
WITH stream AS MATERIALIZED (
  SELECT t.name AS tenant, s.tenant_key, s.stream_key, s.stream_id, s.version, s.first_version, s.state::text AS state
  FROM event_store.tenants t
  JOIN event_store.streams s ON s.tenant_key = t.tenant_key AND s.stream_id = $2
  WHERE t.name = $1
)
SELECT s.tenant, s.stream_id, e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.created_at,
       s.state, s.version AS stream_version
FROM stream s
LEFT JOIN LATERAL (
  SELECT v.version, v.position, v.event_id, v.event_type, v.schema_version, v.data, v.metadata, v.created_at
  FROM event_store.events v
  WHERE s.state IN ('active', 'archived') AND v.tenant_key = s.tenant_key AND v.stream_key = s.stream_key AND v.version <= $3 AND v.version >= s.first_version
  ORDER BY v.version DESC LIMIT $4
) e ON true
