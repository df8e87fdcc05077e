-- Snapshots: the last state of an aggregate, one per stream and kind. A snapshot is an optimisation: losing one costs time, not data.
-- fillfactor: a snapshot is replaced in place, and each page keeps space for the new version.
CREATE TABLE event_store.snapshots (
  tenant_key int NOT NULL,
  stream_key bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  schema_version int NOT NULL CHECK (schema_version > 0),
  shape bigint NOT NULL,           -- the bits of an unsigned number
  stream_version bigint NOT NULL,  -- of the last event in the state, like position and event_id
  position bigint NOT NULL,
  event_id uuid NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  data json NOT NULL,
  PRIMARY KEY (tenant_key, stream_key, kind)
) WITH (fillfactor = 50);

-- Saves a snapshot unless the stored one is as recent.
--   p_kind, p_schema_version, p_shape        what the state is
--   p_stream_version, p_position, p_event_id the last event in it
--   p_data                                   the state as JSON
-- Answer: whether it was saved; false for a stream that is missing, is deleted or holds links.
-- The lock on the stream's row waits for a deletion in flight, and does not block appends.
CREATE FUNCTION event_store.save_snapshot(
  p_tenant text, p_stream text, p_kind text, p_schema_version int, p_shape bigint,
  p_stream_version bigint, p_position bigint, p_event_id uuid, p_data text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  WITH stream AS MATERIALIZED (
    SELECT s.tenant_key, s.stream_key FROM streams s
    WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream AND s.state IN ('active', 'archived')
    FOR KEY SHARE
  ), kept AS (
    INSERT INTO snapshots AS old (tenant_key, stream_key, kind, schema_version, shape, stream_version, position, event_id, data)
    SELECT tenant_key, stream_key, p_kind, p_schema_version, p_shape, p_stream_version, p_position, p_event_id, p_data::json FROM stream
    ON CONFLICT (tenant_key, stream_key, kind) DO UPDATE
    SET schema_version = excluded.schema_version, shape = excluded.shape, stream_version = excluded.stream_version,
        position = excluded.position, event_id = excluded.event_id, taken_at = excluded.taken_at, data = excluded.data
    WHERE old.stream_version < excluded.stream_version
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM kept)
$$;

-- Removes snapshots of a stream.
--   p_kind            the kind, or null for all
--   p_stream_version  removes it only if it is the snapshot at this version; null for any
-- Answer: whether one was removed.
CREATE FUNCTION event_store.discard_snapshots(p_tenant text, p_stream text, p_kind text, p_stream_version bigint)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  WITH gone AS (
    DELETE FROM snapshots n USING streams s
    WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
      AND n.tenant_key = s.tenant_key AND n.stream_key = s.stream_key
      AND (p_kind IS NULL OR n.kind = p_kind) AND (p_stream_version IS NULL OR n.stream_version = p_stream_version)
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM gone)
$$;

REVOKE ALL ON event_store.snapshots FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.save_snapshot, event_store.discard_snapshots FROM PUBLIC;
