-- The last state of aggregates, one for each stream and kind: a saving, from which nothing but time can be lost.
CREATE TABLE snapshots (
  stream_key INTEGER NOT NULL,
  kind TEXT NOT NULL,
  schema_version INTEGER NOT NULL CHECK (schema_version > 0),
  shape INTEGER NOT NULL, -- the bits of an unsigned number
  stream_version INTEGER NOT NULL, -- the last event that is in the state, its position and id
  position INTEGER NOT NULL,
  event_id BLOB NOT NULL CHECK (length(event_id) = 16),
  data TEXT NOT NULL,
  PRIMARY KEY (stream_key, kind)
) STRICT;
