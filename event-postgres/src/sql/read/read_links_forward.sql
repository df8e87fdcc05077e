-- A page of a stream of links, oldest first, with the stream's row; the columns of the event are null on an empty page.
-- $1 tenant · $2 stream · $3 first version wanted · $4 limit
-- No row if there is no such stream. A link whose event was removed is left out.
-- The columns of an event come first, in the order that row.rs expects; they are those of the event in its own stream.
-- The row of the stream is materialized, so that its state is converted to text once and not once per event.
WITH stream AS MATERIALIZED (
  SELECT t.name AS tenant, s.tenant_key, s.stream_key, s.stream_id, s.first_version, s.state::text AS state
  FROM event_store.tenants t
  JOIN event_store.streams s ON s.tenant_key = t.tenant_key AND s.stream_id = $2
  WHERE t.name = $1
)
SELECT s.tenant, e.stream_id, e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.created_at,
       s.state, e.link_version
FROM stream s
LEFT JOIN LATERAL (
  SELECT o.stream_id, v.version, v.position, v.event_id, v.event_type, v.schema_version, v.data, v.metadata, v.created_at, l.version AS link_version
  FROM event_store.links l
  JOIN event_store.events v ON v.position = l.position
  JOIN event_store.streams o ON o.tenant_key = v.tenant_key AND o.stream_key = v.stream_key AND v.version >= o.first_version
  WHERE s.state IN ('links', 'archived_links') AND l.tenant_key = s.tenant_key AND l.stream_key = s.stream_key AND l.version >= greatest($3, s.first_version)
  ORDER BY l.version LIMIT $4
) e ON true
