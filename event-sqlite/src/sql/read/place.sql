-- What the log holds at a position.
-- ?1 the position
-- Answer: head, the position of the last event, or 0 · last_assigned, the highest position ever assigned · event_id, null if there is no
-- event at the position · last_id, the id of the last event
SELECT coalesce((SELECT max(h.position) FROM events h), 0) AS head,
       coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0) AS last_assigned,
       (SELECT e.event_id FROM events e WHERE e.position = ?1) AS event_id,
       (SELECT l.event_id FROM events l ORDER BY l.position DESC LIMIT 1) AS last_id
