-- Every (event type, event version) ever stored: a few rows, whatever the store holds, so that nobody reads all events to know.
-- Writers write a pair down before the first event that has it, once per pair and process; what older programs stored is taken over here.
-- A pair stays when its events are removed.
CREATE TABLE event_store.event_versions (
  event_type text COLLATE "C" NOT NULL,
  schema_version int NOT NULL CHECK (schema_version > 0),
  PRIMARY KEY (event_type, schema_version)
);

INSERT INTO event_store.event_versions (event_type, schema_version)
SELECT DISTINCT event_type, schema_version FROM event_store.events;

-- Write pairs down; a pair that stands there already costs a look. They come sorted and are written before anything else of an append:
-- two calls that bring the same ones wait for each other in one order.
CREATE FUNCTION event_store.record_event_versions(p_type text[], p_version int[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  INSERT INTO event_versions (event_type, schema_version)
  SELECT u.type, u.version FROM unnest(p_type, p_version) u (type, version) ORDER BY u.type COLLATE "C", u.version
  ON CONFLICT DO NOTHING
$$;

REVOKE ALL ON TABLE event_store.event_versions FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.record_event_versions FROM PUBLIC;
