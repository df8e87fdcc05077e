-- Events with a version that their stream has not reached, or below 1; links alike.
WITH bad AS (
  SELECT 'version ' || e.version || ' of stream "' || s.stream_id || '", which is at version ' || s.version AS place
  FROM event_store.events e JOIN event_store.streams s ON s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key
  WHERE e.version > s.version OR e.version < 1
  UNION ALL
  SELECT 'link ' || l.version || ' of stream "' || s.stream_id || '", which is at version ' || s.version
  FROM event_store.links l JOIN event_store.streams s ON s.tenant_key = l.tenant_key AND s.stream_key = l.stream_key WHERE l.version > s.version OR l.version < 1
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
