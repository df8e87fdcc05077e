-- A page of a stream of events, oldest first. An empty page is one row with the state of the stream and no event; no row at all: there is
-- no such stream.
-- ?1 tenant · ?2 stream · ?3 first version wanted · ?4 limit
-- The columns of an event come first, in the order of `row.rs`.
SELECT e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.recorded_at, s.state
FROM tenants t
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = ?2
LEFT JOIN events e ON e.stream_key = s.stream_key AND e.version >= max(?3, s.first_version) AND s.state IN ('active', 'archived')
WHERE t.name = ?1
ORDER BY e.version LIMIT ?4
