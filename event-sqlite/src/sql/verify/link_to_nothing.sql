-- Links to positions that no event ever had, or has while no event was ever removed.
WITH assigned AS (
  SELECT coalesce(max(q.seq), 0) AS last FROM sqlite_sequence q WHERE q.name = 'events'
), bad AS (
  SELECT 'link ' || l.version || ' of stream "' || s.stream_id || '" to position ' || l.position AS place
  FROM links l JOIN streams s ON s.stream_key = l.stream_key
  WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.position = l.position)
    AND (l.position > (SELECT a.last FROM assigned a) OR l.position < 1
      OR NOT EXISTS (SELECT 1 FROM streams r WHERE r.first_version > 1 OR r.state = 'hard_deleted'))
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
