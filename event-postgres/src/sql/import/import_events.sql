-- Stores events of an import, in order; each gets the next position. Fails where the sequence is behind its rows, see
-- migrations/0015_positions.sql.
-- $1 stream keys · $2 versions · $3 times · $4 ids · $5 tenant keys · $6 category keys · $7 event versions · $8 types · $9 data · $10 metadata,
-- one element per event
WITH stored AS (
  INSERT INTO event_store.events (stream_key, version, created_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata)
  SELECT u.stream_key, u.version, u.created_at, u.event_id, u.tenant_key, u.category_key, u.schema_version, u.event_type, u.data::json, u.metadata::json
  FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::int[], $6::int[], $7::int[], $8::text[], $9::text[], $10::text[])
    u (stream_key, version, created_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata)
  RETURNING position
)
SELECT CASE WHEN min(s.position) <= event_store.highest_position()
            THEN event_store.refuse_position(min(s.position), event_store.highest_position()) END
FROM stored s
