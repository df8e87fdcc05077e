-- Streams of links: each number of such a stream stands for the position of an event in another one. When the event is removed, its
-- links stand for nothing, since positions are never used again.
-- state of streams, from now on: 0 active, 1 archived, 2 soft-deleted, 3 hard-deleted; of links: 4 active, 5 archived.
CREATE TABLE links (
  stream_key INTEGER NOT NULL,
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (stream_key, version),
  UNIQUE (stream_key, position)
) STRICT, WITHOUT ROWID;
