-- The tables. They are private to the adapter: their shape changes between versions without notice.
-- No foreign keys and no triggers: the functions of the next files are the only writers, and each key holds the tenant or the position.

CREATE TABLE event_store.tenants (
  tenant_key int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE event_store.categories (
  category_key int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);

-- One number for the global order. CACHE 1 keeps it ordered between sessions; it is drawn only by the INSERT on events,
-- by a transaction that holds the row of the stream, so that positions follow versions and a reader can tell a hole from a late commit.
CREATE SEQUENCE event_store.position_seq AS bigint CACHE 1;

CREATE TABLE event_store.streams (
  tenant_key int NOT NULL,
  stream_key bigint GENERATED ALWAYS AS IDENTITY,
  stream_id text COLLATE "C" NOT NULL,
  category_key int NOT NULL,
  version bigint NOT NULL CHECK (version >= 0),
  first_version bigint NOT NULL DEFAULT 1 CHECK (first_version >= 1),
  state smallint NOT NULL DEFAULT 0, -- 0 active, 1 archived, 2 soft-deleted, 3 hard-deleted
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_key, stream_key),
  CONSTRAINT streams_stream_id UNIQUE (tenant_key, stream_id)
) WITH (fillfactor = 75);

-- The payload is json, not jsonb: validated, and its bytes and key order come back as they were written.
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

REVOKE ALL ON ALL TABLES IN SCHEMA event_store FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA event_store FROM PUBLIC;
