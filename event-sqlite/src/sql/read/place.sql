-- What the log holds at a position.
-- ?1 the position
-- Answer: last_assigned, the highest position ever assigned · event_id, null if there is no event at the position
SELECT coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0) AS last_assigned,
       (SELECT e.event_id FROM events e WHERE e.position = ?1) AS event_id
