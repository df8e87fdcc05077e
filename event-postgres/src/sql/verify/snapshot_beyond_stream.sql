-- Snapshots of versions that their stream has not reached, or of another event than the log has there.
WITH bad AS (
  SELECT 'snapshot `' || n.kind || '` of version ' || n.stream_version || ' of stream "' || s.stream_id || '"' AS place
  FROM event_store.snapshots n JOIN event_store.streams s ON s.tenant_key = n.tenant_key AND s.stream_key = n.stream_key
  WHERE n.stream_version > s.version OR n.stream_version < 1
    OR EXISTS (SELECT 1 FROM event_store.events e WHERE e.position = n.position AND e.event_id <> n.event_id)
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
