-- Events of an import, in their order; each draws its position as it is written.
COPY event_store.events (stream_key, version, created_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) FROM STDIN
