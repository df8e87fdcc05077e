-- Streams of links that hold events, and deleted streams that still do; links in a stream of events.
WITH bad AS (
  SELECT 'version ' || e.version || ' of stream "' || s.stream_id || '", which is ' || s.state AS place
  FROM events e JOIN streams s ON s.stream_key = e.stream_key
  WHERE s.state IN ('links', 'archived_links', 'hard_deleted')
  UNION ALL
  SELECT 'link ' || l.version || ' of stream "' || s.stream_id || '", which is ' || s.state
  FROM links l JOIN streams s ON s.stream_key = l.stream_key
  WHERE s.state IN ('active', 'archived', 'hard_deleted')
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
