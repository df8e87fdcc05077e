-- Durable subscriptions. tenant is '' for one about everybody's events: no tenant has that name.
CREATE TABLE event_store.subscriptions (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  filter text NOT NULL,
  parts int NOT NULL CHECK (parts > 0),
  paused boolean NOT NULL DEFAULT false,
  stopped text, -- why the last consumer gave up
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name)
);

-- One row a part: its checkpoint, and who may move it. Every change of owner takes a new token. Updated often: room for it is left on each page.
CREATE TABLE event_store.subscription_parts (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  part int NOT NULL,
  position bigint NOT NULL, -- all up to here was handled
  event_position bigint,    -- the last event that was
  event_id uuid,
  token bigint NOT NULL DEFAULT 0,
  owner text,
  lease_until timestamptz,
  skipped bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name, part)
) WITH (fillfactor = 20);

-- Who is alive, whether it holds a part or waits for one.
CREATE TABLE event_store.subscription_members (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  seen_until timestamptz NOT NULL,
  PRIMARY KEY (tenant, name, owner)
) WITH (fillfactor = 50);

CREATE TABLE event_store.parked_events (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  event_id uuid NOT NULL,
  part int NOT NULL,
  attempts int NOT NULL,
  error text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  replay boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, name, position)
);

REVOKE ALL ON event_store.subscriptions, event_store.subscription_parts, event_store.subscription_members, event_store.parked_events FROM PUBLIC;
