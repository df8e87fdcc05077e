-- Read models that are folded from the log, one row for each build of one. The transaction that writes a build's tables first moves its
-- row, and is undone if the place is not the one that was read: so each event is in the tables exactly once, whoever else runs the build.
CREATE TABLE projections (
  name TEXT NOT NULL,
  build INTEGER NOT NULL CHECK (build > 0),
  prefix TEXT NOT NULL, -- what the names of its tables begin with
  filter TEXT NOT NULL, -- which events it is folded from
  position INTEGER NOT NULL DEFAULT 0, -- everything that passes the filter up to here is in the tables
  event_id BLOB CHECK (length(event_id) = 16), -- the last event in them, its position and time
  event_position INTEGER,
  event_at INTEGER,
  events INTEGER NOT NULL DEFAULT 0,
  is_current INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (name, build)
) STRICT;

CREATE UNIQUE INDEX projections_current ON projections (name) WHERE is_current = 1;
