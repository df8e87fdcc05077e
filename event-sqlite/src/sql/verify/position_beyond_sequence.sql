-- Events at positions that the sequence has not assigned: it would assign them again.
WITH assigned AS (
  SELECT coalesce(max(q.seq), 0) AS last FROM sqlite_sequence q WHERE q.name = 'events'
), bad AS (
  SELECT 'position ' || e.position || ', the last one assigned is ' || (SELECT a.last FROM assigned a) AS place
  FROM events e WHERE e.position > (SELECT a.last FROM assigned a) OR e.position < 1
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
