-- What tells this file from every other one, a backup of it included: the copy gets an id of its own.
CREATE TABLE store_identity (
  id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

INSERT INTO store_identity (id) VALUES (randomblob(16));
