-- Events with another tenant or category than their stream.
WITH bad AS (
  SELECT 'version ' || e.version || ' of stream "' || s.stream_id || '", position ' || e.position AS place
  FROM events e JOIN streams s ON s.stream_key = e.stream_key
  WHERE e.category_key <> s.category_key OR e.tenant_key <> s.tenant_key
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
