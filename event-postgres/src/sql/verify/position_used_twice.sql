-- Positions of several events.
WITH bad AS (
  SELECT 'position ' || position || ' of ' || count(*) || ' events' AS place
  FROM event_store.events GROUP BY position HAVING count(*) > 1
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
