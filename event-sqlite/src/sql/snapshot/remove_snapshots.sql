-- Remove the snapshots of a stream that is deleted for good.
-- ?1 stream key
DELETE FROM snapshots WHERE stream_key = ?1
