-- New streams, and new versions of those that are there. The row of values is repeated for as many as there are.
-- ? stream key · ? tenant key · ? stream · ? category key · ? version · ? time
INSERT INTO streams (stream_key, tenant_key, stream_id, category_key, version, created_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET version = excluded.version
