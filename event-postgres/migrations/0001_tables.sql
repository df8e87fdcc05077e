-- The tables of streams and events. They are private to the adapter: their shape may change with any version of this program.
-- There are no foreign keys and no triggers: the functions of the following files are the only writers. Every unique key contains the tenant
-- or the position.

CREATE TABLE event_store.tenants (
  tenant_key int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE event_store.categories (
  category_key int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);

-- What may be done with a stream. 'links' and 'archived_links' are the states of a stream that refers to events of other streams.
-- Appends accept 'active' only, so the same test refuses archived streams, deleted streams and streams of links.
CREATE TYPE event_store.stream_state AS ENUM ('active', 'archived', 'soft_deleted', 'hard_deleted', 'links', 'archived_links');

-- The global order. CACHE 1 keeps positions ordered across sessions. Only the INSERT into events assigns a position, in a transaction that
-- holds the lock on the stream's row: within a stream, positions follow versions, and a reader can tell a gap from a commit in flight.
CREATE SEQUENCE event_store.position_seq AS bigint CACHE 1;

-- fillfactor: every append updates the row, and a HOT update needs free space on the page.
CREATE TABLE event_store.streams (
  tenant_key int NOT NULL,
  stream_key bigint GENERATED ALWAYS AS IDENTITY,
  stream_id text COLLATE "C" NOT NULL,
  category_key int NOT NULL,
  version bigint NOT NULL CHECK (version >= 0),                      -- of the last event; 0 before the first
  first_version bigint NOT NULL DEFAULT 1 CHECK (first_version >= 1), -- events before it are truncated
  state event_store.stream_state NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_key, stream_key),
  CONSTRAINT streams_stream_id UNIQUE (tenant_key, stream_id)
) WITH (fillfactor = 75);

-- The payload is json, not jsonb: the server validates it, and returns bytes and key order as they were written.
-- autovacuum: vacuum and analyze after 2 % of new rows; the default thresholds would leave the statistics of a large table outdated for long.
CREATE TABLE event_store.events (
  position bigint NOT NULL DEFAULT nextval('event_store.position_seq') PRIMARY KEY,
  stream_key bigint NOT NULL,
  version bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  event_id uuid NOT NULL,
  tenant_key int NOT NULL,
  category_key int NOT NULL,
  schema_version int NOT NULL CHECK (schema_version > 0),
  event_type text NOT NULL,
  data json NOT NULL,
  metadata json NOT NULL,
  CONSTRAINT events_version UNIQUE (tenant_key, stream_key, version),
  CONSTRAINT events_event_id UNIQUE (event_id, tenant_key)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX events_category ON event_store.events (category_key, position);

-- Every pair of event type and event version that was ever stored: a few rows, so that no reader scans all events for them.
-- A writer records a pair before it stores the first event that has it, once per pair and process. A pair stays when its events are removed.
CREATE TABLE event_store.event_versions (
  event_type text COLLATE "C" NOT NULL,
  schema_version int NOT NULL CHECK (schema_version > 0),
  PRIMARY KEY (event_type, schema_version)
);

-- The highest position that was ever assigned, committed or not. It survives a crash and decreases only in a database that was restored to
-- an earlier state: a checkpoint beyond it was written for another log.
CREATE FUNCTION event_store.last_assigned()
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  SELECT CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END FROM position_seq q
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA event_store FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA event_store FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.last_assigned FROM PUBLIC;
