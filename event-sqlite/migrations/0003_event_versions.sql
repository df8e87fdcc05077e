-- Every (event type, schema version) that was ever stored, written with the first event that has it.
CREATE TABLE event_versions (
  event_type TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  PRIMARY KEY (event_type, schema_version)
) STRICT, WITHOUT ROWID;
