-- Whether the log holds two events that were read before, as stored or as removed ones, and how far it goes.
-- ?1 position or null · ?2 event id · ?3 position or null · ?4 event id
-- Answer: is_same · head, the position of the last event, or 0 · last_id, its id · last_assigned, the highest position ever assigned
SELECT (?1 IS NULL
        OR EXISTS (SELECT 1 FROM events e WHERE e.position = ?1 AND e.event_id = ?2)
        OR EXISTS (SELECT 1 FROM removed_events r WHERE r.event_id = ?2 AND r.position = ?1))
       AND (?3 IS NULL
        OR EXISTS (SELECT 1 FROM events e WHERE e.position = ?3 AND e.event_id = ?4)
        OR EXISTS (SELECT 1 FROM removed_events r WHERE r.event_id = ?4 AND r.position = ?3)) AS is_same,
       coalesce((SELECT max(h.position) FROM events h), 0) AS head,
       (SELECT l.event_id FROM events l ORDER BY l.position DESC LIMIT 1) AS last_id,
       coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0) AS last_assigned
