-- Streams in a state that there is not.
WITH bad AS (
  SELECT 'stream "' || stream_id || '" is "' || state || '"' AS place FROM streams WHERE state NOT IN ('active', 'archived', 'soft_deleted', 'hard_deleted', 'links', 'archived_links')
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
