-- The events of an import that are stored already, or were before they were removed, with stream, version and position.
-- ?1 JSON array of [tenant, id in hex]
SELECT j.key AS event, s.stream_id, e.version, e.position
FROM json_each(?1) j
CROSS JOIN tenants t ON t.name = j.value ->> 0
CROSS JOIN events e ON e.event_id = unhex(j.value ->> 1) AND e.tenant_key = t.tenant_key
CROSS JOIN streams s ON s.stream_key = e.stream_key
UNION ALL
SELECT j.key AS event, s.stream_id, r.version, r.position
FROM json_each(?1) j
CROSS JOIN tenants t ON t.name = j.value ->> 0
CROSS JOIN removed_events r ON r.event_id = unhex(j.value ->> 1) AND r.tenant_key = t.tenant_key
CROSS JOIN streams s ON s.stream_key = r.stream_key
