-- Insert the events of a batch. The row of values is repeated for each event.
-- ? position · ? stream key · ? version · ? time · ? event id · ? tenant key · ? category key · ? schema version · ? type · ? data · ? metadata
INSERT INTO events (position, stream_key, version, recorded_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
