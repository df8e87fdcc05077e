-- The streams of a batch, and the last position and stream key assigned so far. One row for each request; what does not exist is null.
-- ?1 JSON array of [tenant, stream, category]
SELECT j.key AS request, t.tenant_key, c.category_key AS new_category, s.stream_key, s.category_key, s.version, s.first_version, s.state,
       coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0) AS last_position,
       coalesce((SELECT max(m.stream_key) FROM streams m), 0) AS last_stream
FROM json_each(?1) j
LEFT JOIN tenants t ON t.name = j.value ->> 0
LEFT JOIN categories c ON c.name = j.value ->> 2
LEFT JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = j.value ->> 1
ORDER BY j.key
