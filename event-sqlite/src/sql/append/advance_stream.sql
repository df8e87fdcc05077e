-- Advance the stream of the event that the statement before this one stored, if it stored one.
-- ?1 tenant · ?2 stream
UPDATE streams SET version = version + 1
WHERE changes() = 1 AND stream_id = ?2 AND tenant_key = (SELECT t.tenant_key FROM tenants t WHERE t.name = ?1)
