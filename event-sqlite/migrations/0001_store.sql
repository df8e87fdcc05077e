-- The tables of a store. They are private to this crate: any release may change their shape.
-- Times are microseconds since 1970. Flags are FALSE or TRUE.

-- "evst" in ASCII: tells a store from the file of another program.
PRAGMA application_id = 1702261620;

-- Streams and events

CREATE TABLE tenants (
  tenant_key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE categories (
  category_key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- A stream holds events, or links to events of other streams ('links', 'archived_links').
CREATE TABLE streams (
  stream_key INTEGER PRIMARY KEY,
  tenant_key INTEGER NOT NULL,
  stream_id TEXT NOT NULL,
  category_key INTEGER NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 0),
  first_version INTEGER NOT NULL DEFAULT 1 CHECK (first_version >= 1), -- versions before it are truncated
  state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'archived', 'soft_deleted', 'hard_deleted', 'links', 'archived_links')),
  created_at INTEGER NOT NULL,
  UNIQUE (tenant_key, stream_id)
) STRICT;

-- AUTOINCREMENT keeps the highest position ever used, so the position of a removed event is never used again.
-- Writers take the write lock before they read, so only one of them assigns positions and keys at a time.
CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  stream_key INTEGER NOT NULL,
  version INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  event_id BLOB NOT NULL CHECK (length(event_id) = 16),
  tenant_key INTEGER NOT NULL,
  category_key INTEGER NOT NULL,
  schema_version INTEGER NOT NULL CHECK (schema_version > 0),
  event_type TEXT NOT NULL,
  data TEXT NOT NULL,
  metadata TEXT NOT NULL,
  UNIQUE (stream_key, version),
  UNIQUE (event_id, tenant_key)
) STRICT;

-- Every index ends with the position, so this one gives the events of a category in global order.
CREATE INDEX events_category ON events (category_key);

-- Every (event type, schema version) that was ever stored, inserted in the transaction of its first event.
CREATE TABLE event_versions (
  event_type TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  PRIMARY KEY (event_type, schema_version)
) STRICT, WITHOUT ROWID;

-- Each version of a stream of links refers to an event by its position. Positions are not used again, so a link to a removed event finds
-- nothing.
CREATE TABLE links (
  stream_key INTEGER NOT NULL,
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (stream_key, version),
  UNIQUE (stream_key, position)
) STRICT, WITHOUT ROWID;

-- Snapshots

-- The latest snapshot for each stream and kind. Deleting one costs only time: the state can be folded from the events again.
CREATE TABLE snapshots (
  stream_key INTEGER NOT NULL,
  kind TEXT NOT NULL,
  schema_version INTEGER NOT NULL CHECK (schema_version > 0),
  shape INTEGER NOT NULL, -- an unsigned number, stored as the signed one with the same bits
  stream_version INTEGER NOT NULL, -- of the last event in the state, as are position and event_id
  position INTEGER NOT NULL,
  event_id BLOB NOT NULL CHECK (length(event_id) = 16),
  data TEXT NOT NULL,
  PRIMARY KEY (stream_key, kind)
) STRICT;

-- Durable subscriptions
-- tenant is '' for a subscription to the events of all tenants; no tenant has an empty name.

CREATE TABLE subscriptions (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  filter TEXT NOT NULL,
  partitions INTEGER NOT NULL CHECK (partitions > 0),
  paused INTEGER NOT NULL DEFAULT FALSE,
  stopped TEXT, -- why the last consumer stopped
  PRIMARY KEY (tenant, name)
) STRICT;

-- The checkpoint of each partition, and the lease of its owner. Each change of the owner increments the token.
CREATE TABLE subscription_partitions (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  partition INTEGER NOT NULL,
  position INTEGER NOT NULL, -- all events up to it are handled
  event_position INTEGER, -- position and id of the last handled event
  event_id BLOB,
  token INTEGER NOT NULL DEFAULT 0,
  owner TEXT,
  lease_until INTEGER,
  skipped INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, name, partition)
) STRICT, WITHOUT ROWID;

-- The consumers that sent a heartbeat in time, whether they own a partition or wait for one.
CREATE TABLE subscription_members (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  seen_until INTEGER NOT NULL,
  PRIMARY KEY (tenant, name, owner)
) STRICT, WITHOUT ROWID;

CREATE TABLE parked_events (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  event_id BLOB NOT NULL,
  partition INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  parked_at INTEGER NOT NULL,
  replay INTEGER NOT NULL DEFAULT FALSE,
  PRIMARY KEY (tenant, name, position)
) STRICT;

-- Every heartbeat looks for parked events to be handled again: it reads this index, whatever else is parked.
CREATE INDEX parked_events_replay ON parked_events (tenant, name) WHERE replay;

-- Projections

-- One row for each build of a read model. A transaction that writes the build's tables first advances `position`, and is rolled back if
-- another process advanced it before: so each event is applied exactly once, however many processes run the build.
CREATE TABLE projections (
  name TEXT NOT NULL,
  build INTEGER NOT NULL CHECK (build > 0),
  prefix TEXT NOT NULL, -- of the names of its tables
  filter TEXT NOT NULL, -- selects the events it is folded from
  position INTEGER NOT NULL DEFAULT 0, -- all events up to it that pass the filter are applied
  event_id BLOB CHECK (length(event_id) = 16), -- id, position and time of the last applied event
  event_position INTEGER,
  event_at INTEGER,
  events INTEGER NOT NULL DEFAULT 0,
  is_current INTEGER NOT NULL DEFAULT FALSE,
  PRIMARY KEY (name, build)
) STRICT;

CREATE UNIQUE INDEX projections_current ON projections (name) WHERE is_current;
