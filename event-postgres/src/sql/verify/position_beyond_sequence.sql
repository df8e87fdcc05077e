-- Events at positions that the sequence has not assigned: it would assign them again.
WITH behind AS (
  SELECT b.assigned AS last FROM event_store.sequences_behind() b WHERE b.sequence = 'position_seq'
), bad AS (
  SELECT 'position ' || e.position || ', the last one assigned is ' || b.last AS place
  FROM behind b JOIN event_store.events e ON e.position > b.last
  UNION ALL
  SELECT 'position ' || e.position FROM event_store.events e WHERE e.position < 1
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
