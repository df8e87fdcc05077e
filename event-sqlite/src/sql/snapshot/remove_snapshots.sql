-- Delete the snapshots of a hard-deleted stream.
-- ?1 stream key
DELETE FROM snapshots WHERE stream_key = ?1
