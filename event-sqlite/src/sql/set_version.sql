-- How far a stream goes.
-- ?1 stream key · ?2 version
UPDATE streams SET version = ?2 WHERE stream_key = ?1
