-- What is there of the links of an import: the position of the event, what the stream shows under the number, and under which number it
-- shows the event; one row a link, in order, with nulls for what is not there.
-- $1 tenants · $2 stream keys or nulls · $3 numbers · $4 event ids, one element a link
SELECT e.position, n.position AS at_number, l.version AS number
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::uuid[]) WITH ORDINALITY u (tenant, stream, number, id, ord)
LEFT JOIN event_store.tenants t ON t.name = u.tenant
LEFT JOIN event_store.events e ON e.event_id = u.id AND e.tenant_key = t.tenant_key
  AND e.version >= (SELECT o.first_version FROM event_store.streams o WHERE o.tenant_key = e.tenant_key AND o.stream_key = e.stream_key)
LEFT JOIN event_store.links n ON n.tenant_key = t.tenant_key AND n.stream_key = u.stream AND n.version = u.number
LEFT JOIN event_store.links l ON l.tenant_key = t.tenant_key AND l.stream_key = u.stream AND l.position = e.position
ORDER BY u.ord
