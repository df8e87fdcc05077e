-- Durable subscriptions. tenant is '' for one about everybody's events: no tenant has that name. Times are microseconds since 1970.
CREATE TABLE subscriptions (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  filter TEXT NOT NULL,
  parts INTEGER NOT NULL CHECK (parts > 0),
  paused INTEGER NOT NULL DEFAULT 0,
  stopped TEXT, -- why the last consumer gave up
  PRIMARY KEY (tenant, name)
) STRICT;

-- One row a part: its checkpoint, and who may move it. Every change of owner takes a new token.
CREATE TABLE subscription_parts (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  part INTEGER NOT NULL,
  position INTEGER NOT NULL, -- all up to here was handled
  event_position INTEGER, -- the last event that was
  event_id BLOB,
  token INTEGER NOT NULL DEFAULT 0,
  owner TEXT,
  lease_until INTEGER,
  skipped INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, name, part)
) STRICT, WITHOUT ROWID;

-- Who is alive, whether it holds a part or waits for one.
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
  part INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  parked_at INTEGER NOT NULL,
  replay INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, name, position)
) STRICT;
