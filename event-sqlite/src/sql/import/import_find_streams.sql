-- The streams of an import that exist, with the version of the last stored event of each.
-- ?1 JSON array of [tenant, stream]
SELECT t.name AS tenant, s.stream_id, s.version, s.first_version, s.state, s.created_at, s.stream_key, s.tenant_key, s.category_key,
       coalesce((SELECT max(e.version) FROM events e WHERE e.stream_key = s.stream_key), 0) AS last_event
FROM json_each(?1) j
CROSS JOIN tenants t ON t.name = j.value ->> 0
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = j.value ->> 1
