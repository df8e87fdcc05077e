-- Links to positions that no event ever had, or has while no event was ever removed.
WITH assigned AS (
  SELECT event_store.last_assigned() AS last
), bad AS (
  SELECT 'link ' || l.version || ' of stream "' || s.stream_id || '" to position ' || l.position AS place
  FROM event_store.links l JOIN event_store.streams s ON s.tenant_key = l.tenant_key AND s.stream_key = l.stream_key
  WHERE NOT EXISTS (SELECT 1 FROM event_store.events e WHERE e.position = l.position)
    AND (l.position > (SELECT a.last FROM assigned a) OR l.position < 1
      OR NOT EXISTS (SELECT 1 FROM event_store.streams r WHERE r.first_version > 1 OR r.state = 'hard_deleted'))
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
