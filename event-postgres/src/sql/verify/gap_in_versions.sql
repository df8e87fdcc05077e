-- Events of a stream whose predecessor is missing.
WITH bad AS (
  SELECT 'version ' || e.version || ' of stream "' || s.stream_id || '" has none before it' AS place
  FROM event_store.events e JOIN event_store.streams s ON s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key
  WHERE e.version > s.first_version AND NOT EXISTS (
    SELECT 1 FROM event_store.events p WHERE p.tenant_key = e.tenant_key AND p.stream_key = e.stream_key AND p.version = e.version - 1)
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
