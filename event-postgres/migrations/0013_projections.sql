-- Read models that are folded from the log, one row for each build of one. The tables of a build are in a schema of its own, and the
-- transaction that writes them moves the row first: it locks it, and fails if the place is not the one that was read, so that each event
-- is in the tables exactly once, whoever else runs the same build.
CREATE TABLE event_store.projections (
  name text COLLATE "C" NOT NULL,
  build int NOT NULL CHECK (build > 0),
  schema_name text NOT NULL,
  filter text NOT NULL,                    -- which events it is folded from
  position bigint NOT NULL DEFAULT 0,      -- everything that passes the filter up to here is in the tables
  event_id uuid,                           -- the last event in them, and its position
  event_position bigint,
  event_at timestamptz,
  events bigint NOT NULL DEFAULT 0,
  is_current boolean NOT NULL DEFAULT false,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (name, build)
) WITH (fillfactor = 20);

CREATE UNIQUE INDEX projections_current ON event_store.projections (name) WHERE is_current;

REVOKE ALL ON event_store.projections FROM PUBLIC;

-- Enter a build, if it is new; the first of a name is the current one. Answer: whether it is new.
CREATE FUNCTION event_store.begin_projection(p_name text, p_build int, p_schema text, p_filter text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  -- Starters of one name wait for one another.
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  INSERT INTO projections (name, build, schema_name, filter, is_current)
  VALUES (p_name, p_build, p_schema, p_filter, NOT EXISTS (SELECT FROM projections WHERE name = p_name AND is_current))
  ON CONFLICT (name, build) DO NOTHING;
  RETURN FOUND;
END $$;

-- Move a build on. Answer: whether it was at p_from, else nothing was changed. The row stays locked until the caller's transaction ends.
CREATE FUNCTION event_store.move_projection(
  p_name text, p_build int, p_from bigint, p_to bigint, p_events bigint, p_event_id uuid, p_event_position bigint, p_event_at timestamptz)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  WITH moved AS (
    UPDATE projections
    SET position = p_to, events = events + p_events, event_id = coalesce(p_event_id, event_id),
        event_position = coalesce(p_event_position, event_position), event_at = coalesce(p_event_at, event_at), updated_at = clock_timestamp()
    WHERE name = p_name AND build = p_build AND position = p_from AND p_from <= p_to
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM moved)
$$;

-- Make a build the current one. Answer: 0 done · 1 it is behind the current one · 2 there is no such build
CREATE FUNCTION event_store.switch_projection(p_name text, p_build int)
RETURNS smallint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE own bigint; current_position bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  SELECT position INTO own FROM projections WHERE name = p_name AND build = p_build;
  IF NOT FOUND THEN
    RETURN 2;
  END IF;
  SELECT position INTO current_position FROM projections WHERE name = p_name AND is_current AND build <> p_build;
  IF own < current_position THEN
    RETURN 1;
  END IF;
  UPDATE projections SET is_current = false WHERE name = p_name AND is_current AND build <> p_build;
  UPDATE projections SET is_current = true WHERE name = p_name AND build = p_build;
  RETURN 0;
END $$;

REVOKE ALL ON FUNCTION event_store.begin_projection FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.move_projection FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.switch_projection FROM PUBLIC;
