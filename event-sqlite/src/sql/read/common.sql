-- The highest of some events that the log holds.
-- ?1 JSON array of [position, id in hex]
-- Answer: common, its position, or 0 · last_assigned, the highest position ever assigned
SELECT coalesce(max(e.position), 0) AS common,
       coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0) AS last_assigned
FROM json_each(?1) j
CROSS JOIN events e ON e.position = j.value ->> 0 AND e.event_id = unhex(j.value ->> 1)
