-- Positions of several events.
WITH bad AS (
  SELECT 'position ' || position || ' of ' || count(*) || ' events' AS place
  FROM events NOT INDEXED GROUP BY position HAVING count(*) > 1
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
