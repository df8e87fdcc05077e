-- Streams that hold another number of events than their versions say.
WITH bad AS (
  SELECT 'stream "' || c.stream_id || '" holds ' || c.found || ' events instead of ' || c.expected AS place FROM (
    SELECT s.stream_id, greatest(s.version - s.first_version + 1, 0) AS expected, (
      SELECT count(*) FROM event_store.events e
      WHERE e.tenant_key = s.tenant_key AND e.stream_key = s.stream_key AND e.version BETWEEN s.first_version AND s.version) AS found
    FROM event_store.streams s WHERE s.state IN ('active', 'archived')) c
  WHERE c.found <> c.expected
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
