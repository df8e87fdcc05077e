-- A page of a stream of links, oldest first. Links to removed events are left out.
-- ?1 tenant · ?2 stream · ?3 first version wanted · ?4 limit
-- The columns of an event come first, in the order of `row.rs`; they are those of the event in its own stream.
SELECT e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.recorded_at, t.name AS tenant, o.stream_id,
       l.version AS link_version
FROM tenants t
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = ?2 AND s.state IN ('links', 'archived_links')
CROSS JOIN links l ON l.stream_key = s.stream_key AND l.version >= max(?3, s.first_version)
CROSS JOIN events e ON e.position = l.position
CROSS JOIN streams o ON o.stream_key = e.stream_key AND e.version >= o.first_version
WHERE t.name = ?1
ORDER BY l.version LIMIT ?4
