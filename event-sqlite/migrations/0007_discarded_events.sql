-- Parked events that were given up, and why.
CREATE TABLE discarded_events (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  event_id BLOB NOT NULL,
  partition INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  parked_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  discarded_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, name, position)
) STRICT;

CREATE TRIGGER subscription_deleted_with_discarded AFTER DELETE ON subscriptions BEGIN
  DELETE FROM discarded_events WHERE tenant = OLD.tenant AND name = OLD.name;
END;
