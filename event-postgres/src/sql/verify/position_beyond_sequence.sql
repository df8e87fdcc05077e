-- Events at positions that the sequence has not assigned: it would assign them again.
WITH assigned AS (
  SELECT event_store.last_assigned() AS last
), bad AS (
  SELECT 'position ' || e.position || ', the last one assigned is ' || (SELECT a.last FROM assigned a) AS place
  FROM event_store.events e WHERE e.position > (SELECT a.last FROM assigned a) OR e.position < 1
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
