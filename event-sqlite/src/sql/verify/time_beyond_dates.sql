-- Streams with a time of creation that no calendar has.
WITH bad AS (
  SELECT 'stream "' || stream_id || '", created_at ' || created_at AS place FROM streams
  WHERE created_at NOT BETWEEN -8334601228800000000 AND 8210266876799999999
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
