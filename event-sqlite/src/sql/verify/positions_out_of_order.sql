-- Events with a position before that of their predecessor in the stream.
WITH bad AS (
  SELECT 'position ' || o.position || ' comes after position ' || o.before || ' in its stream' AS place FROM (
    SELECT position, lag(position) OVER (PARTITION BY stream_key ORDER BY version) AS before FROM events) o
  WHERE o.position <= o.before
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
