-- Find events by their ids, stored ones and removed ones.
-- ?1 JSON array of [tenant key, id in hex]
SELECT j.key AS event, e.stream_key, e.version, e.position
FROM json_each(?1) j
CROSS JOIN events e ON e.event_id = unhex(j.value ->> 1) AND e.tenant_key = j.value ->> 0
UNION ALL
SELECT j.key AS event, r.stream_key, r.version, r.position
FROM json_each(?1) j
CROSS JOIN removed_events r ON r.event_id = unhex(j.value ->> 1) AND r.tenant_key = j.value ->> 0
