-- What is stored of the links of an import. One row per link, in order; a column is null if there is no such thing:
--   position   the position of its event
--   at_number  the position that the stream links to under the link's version
--   number     the version under which the stream links to its event
-- $1 tenants · $2 stream keys or nulls · $3 versions · $4 event ids, one element per link
-- The ids alone are looked up first, as in import_known.sql.
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
