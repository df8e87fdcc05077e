-- Remove the oldest links of a stream; readers no longer see them.
-- ?1 stream key · ?2 first version to keep
DELETE FROM links WHERE stream_key = ?1 AND version < ?2
