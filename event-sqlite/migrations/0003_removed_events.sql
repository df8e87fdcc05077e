-- The ids of events that a truncation or a deletion removed. An append that is repeated afterwards is answered as before, and no other
-- event ever gets the id.
CREATE TABLE removed_events (
  event_id BLOB NOT NULL,
  tenant_key INTEGER NOT NULL,
  stream_key INTEGER NOT NULL,
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (event_id, tenant_key)
) STRICT, WITHOUT ROWID;

-- Whatever removes an event leaves its id behind.
CREATE TRIGGER events_leave_their_id AFTER DELETE ON events BEGIN
  INSERT OR IGNORE INTO removed_events (event_id, tenant_key, stream_key, version, position)
  VALUES (OLD.event_id, OLD.tenant_key, OLD.stream_key, OLD.version, OLD.position);
END;

-- A second event with such an id violates the key of this table, as one with the id of a stored event violates that of events.
CREATE TRIGGER events_have_new_ids BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM removed_events r WHERE r.event_id = NEW.event_id AND r.tenant_key = NEW.tenant_key) BEGIN
  INSERT INTO removed_events (event_id, tenant_key, stream_key, version, position)
  VALUES (NEW.event_id, NEW.tenant_key, NEW.stream_key, NEW.version, NEW.position);
END;

-- The changes of a stream that were made lately, by the id that their caller gave them: one whose answer was lost is asked again by it, and
-- is not refused for what it did itself.
CREATE TABLE stream_changes (
  stream_key INTEGER NOT NULL,
  call BLOB NOT NULL CHECK (length(call) = 16),
  made_at INTEGER NOT NULL,
  PRIMARY KEY (stream_key, call)
) STRICT, WITHOUT ROWID;
