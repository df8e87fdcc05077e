-- Events of an import that keep their positions.
COPY event_store.events (stream_key, version, created_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata, position) FROM STDIN
