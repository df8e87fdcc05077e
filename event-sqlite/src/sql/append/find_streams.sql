-- The streams of a batch, and the last position and stream key assigned so far. One row for each request; what does not exist is null.
-- ?1 JSON array of [tenant, stream, category] · ?2 position of an event that was read before, or null · ?3 its id
-- Answer beside the columns: is_same, whether the log still holds that event, or removed it
SELECT j.key AS request, t.tenant_key, c.category_key AS new_category, s.stream_key, s.category_key, s.version, s.first_version, s.state,
       coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0) AS last_position,
       coalesce((SELECT max(m.stream_key) FROM streams m), 0) AS last_stream,
       (?2 IS NULL
        OR EXISTS (SELECT 1 FROM events e WHERE e.position = ?2 AND e.event_id = ?3)
        OR EXISTS (SELECT 1 FROM removed_events r WHERE r.event_id = ?3 AND r.position = ?2)) AS is_same
FROM json_each(?1) j
LEFT JOIN tenants t ON t.name = j.value ->> 0
LEFT JOIN categories c ON c.name = j.value ->> 2
LEFT JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = j.value ->> 1
ORDER BY j.key
