-- Delete a snapshot, if it has this stream version.
-- ?1 tenant · ?2 stream · ?3 kind · ?4 stream version, or null for any
DELETE FROM snapshots WHERE kind = ?3 AND (?4 IS NULL OR stream_version = ?4) AND stream_key = (
  SELECT s.stream_key FROM streams s WHERE s.tenant_key = (SELECT t.tenant_key FROM tenants t WHERE t.name = ?1) AND s.stream_id = ?2)
