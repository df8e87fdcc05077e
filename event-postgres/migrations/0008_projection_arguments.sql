-- What the functions about projections accept. A role that may call them chooses their arguments, so each is checked here, whatever the
-- caller did. The schema of a build is always <name>_<build>: the column schema_name repeats it, and nothing reads it.

-- Refuses the name or the number of a build that no program has.
CREATE FUNCTION event_store.check_projection(p_name text, p_build int)
RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = event_store, pg_temp AS $$
BEGIN
  IF p_name IS NULL OR p_build IS NULL OR p_name COLLATE "C" !~ '^[a-z_][a-z0-9_]{0,49}$' OR p_build < 1 THEN
    RAISE EXCEPTION 'a projection is named by 1 to 50 of a-z, 0-9 and _, and its builds are numbered from 1' USING ERRCODE = '22023';
  END IF;
END $$;

-- Registers a build unless it exists; the first build of a name becomes the current one.
--   p_schema  the schema of its tables, which is <name>_<build>
--   p_filter  the events it is folded from, as text
-- Answer: whether it is new.
CREATE OR REPLACE FUNCTION event_store.begin_projection(p_name text, p_build int, p_schema text, p_filter text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM check_projection(p_name, p_build);
  IF p_schema IS DISTINCT FROM p_name || '_' || p_build OR p_filter IS NULL OR length(p_filter) > 100000 THEN
    RAISE EXCEPTION 'the schema of a build is its name, _ and its number; its filter is a text' USING ERRCODE = '22023';
  END IF;
  -- Processes that begin builds of one name take turns.
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  INSERT INTO projections (name, build, schema_name, filter, is_current)
  VALUES (p_name, p_build, p_schema, p_filter, NOT EXISTS (SELECT FROM projections WHERE name = p_name AND is_current))
  ON CONFLICT (name, build) DO NOTHING;
  RETURN FOUND;
END $$;

-- Moves the checkpoint of a build. The row stays locked until the caller's transaction ends.
--   p_from, p_to  the checkpoint before and after; not beyond the end of the log
--   p_events      how many events are applied in between
--   p_event_*     the last of them: id, position, time; null if there is none
-- Answer: whether the checkpoint was p_from; otherwise nothing was changed.
CREATE OR REPLACE FUNCTION event_store.move_projection(
  p_name text, p_build int, p_from bigint, p_to bigint, p_events bigint, p_event_id uuid, p_event_position bigint, p_event_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  IF (p_from >= 0 AND p_from <= p_to AND p_to <= last_assigned() AND p_events BETWEEN 0 AND p_to - p_from
      AND num_nulls(p_event_id, p_event_position, p_event_at) IN (0, 3)
      AND coalesce(p_event_position > p_from AND p_event_position <= p_to, true)) IS NOT TRUE THEN
    RAISE EXCEPTION 'a checkpoint moves forward within the log, past the events that it counts' USING ERRCODE = '22023';
  END IF;
  UPDATE projections
  SET position = p_to, events = events + p_events, event_id = coalesce(p_event_id, event_id),
      event_position = coalesce(p_event_position, event_position), event_at = coalesce(p_event_at, event_at), updated_at = clock_timestamp()
  WHERE name = p_name AND build = p_build AND position = p_from;
  RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION event_store.check_projection FROM PUBLIC;
