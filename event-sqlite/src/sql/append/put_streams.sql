-- Insert new streams, and update the version of existing ones. The row of values is repeated for each stream.
-- ? stream key · ? tenant key · ? stream · ? category key · ? version · ? time
INSERT INTO streams (stream_key, tenant_key, stream_id, category_key, version, created_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET version = excluded.version
