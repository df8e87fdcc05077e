-- Remove the oldest events of a stream; readers no longer see them.
-- ?1 stream key · ?2 first version to keep · ?3 limit
DELETE FROM events WHERE position IN (
  SELECT e.position FROM events e WHERE e.stream_key = ?1 AND e.version < ?2 ORDER BY e.version LIMIT ?3)
