-- What is there of the links of an import: the position of the event, what the stream shows under the number, and under which number it
-- shows the event; one row a link, in order, with nulls for what is not there.
-- $1 tenants · $2 stream keys or nulls · $3 numbers · $4 event ids, one element a link
-- By the ids alone first, as in `import_known.sql`.
WITH found AS MATERIALIZED (
  SELECT u.ord, t.tenant_key, u.stream, u.number, e.position
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::uuid[]) WITH ORDINALITY u (tenant, stream, number, id, ord)
  LEFT JOIN event_store.tenants t ON t.name = u.tenant
  LEFT JOIN LATERAL (
    SELECT e.position FROM event_store.events e
    JOIN event_store.streams o ON o.tenant_key = e.tenant_key AND o.stream_key = e.stream_key AND e.version >= o.first_version
    WHERE e.event_id = u.id AND e.tenant_key + 0 = t.tenant_key
  ) e ON true
)
SELECT f.position, n.position AS at_number, l.version AS number
FROM found f
LEFT JOIN event_store.links n ON n.tenant_key = f.tenant_key AND n.stream_key = f.stream AND n.version = f.number
LEFT JOIN event_store.links l ON l.tenant_key = f.tenant_key AND l.stream_key = f.stream AND l.position = f.position
ORDER BY f.ord
