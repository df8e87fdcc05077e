-- Events with another tenant or category than their stream.
WITH bad AS (
  SELECT 'version ' || e.version || ' of stream "' || s.stream_id || '", position ' || e.position AS place
  FROM event_store.events e JOIN event_store.streams s ON s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key
  WHERE e.category_key <> s.category_key
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
