-- Events of a stream whose predecessor is missing.
WITH bad AS (
  SELECT 'version ' || e.version || ' of stream "' || s.stream_id || '" has none before it' AS place
  FROM events e JOIN streams s ON s.stream_key = e.stream_key
  WHERE e.version > s.first_version AND NOT EXISTS (
    SELECT 1 FROM events p WHERE p.stream_key = e.stream_key AND p.version = e.version - 1)
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
