-- Remove the first links of a stream, which nobody sees any more.
-- ?1 stream key · ?2 first version to keep
DELETE FROM links WHERE stream_key = ?1 AND version < ?2
