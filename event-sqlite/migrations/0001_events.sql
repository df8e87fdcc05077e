-- The tables. They are private to the adapter: their shape changes between versions without notice.
-- Writers take the write lock before they read, so keys and positions are drawn by one of them at a time.

-- "evst": tells a store from the file of another program.
PRAGMA application_id = 1702261620;

CREATE TABLE tenants (
  tenant_key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE categories (
  category_key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE streams (
  stream_key INTEGER PRIMARY KEY,
  tenant_key INTEGER NOT NULL,
  stream_id TEXT NOT NULL,
  category_key INTEGER NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 0),
  first_version INTEGER NOT NULL DEFAULT 1 CHECK (first_version >= 1),
  state INTEGER NOT NULL DEFAULT 0, -- 0 active, 1 archived, 2 soft-deleted, 3 hard-deleted
  created_at INTEGER NOT NULL, -- microseconds since 1970
  UNIQUE (tenant_key, stream_id)
) STRICT;

-- AUTOINCREMENT keeps the highest position that was ever used, so that none is used again when its event was removed.
CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  stream_key INTEGER NOT NULL,
  version INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL, -- microseconds since 1970
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

-- With the position, which every index ends with: a category in global order.
CREATE INDEX events_category ON events (category_key);
