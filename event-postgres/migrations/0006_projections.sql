-- Projections: read models that are folded from the log, one row per build. Each build has its tables in a schema of its own. The
-- transaction that writes those tables moves the checkpoint in this row first, which locks the row, and fails if the checkpoint is not the
-- expected one: each event is applied exactly once, even if several processes run the same build.
-- fillfactor: the row is updated with every batch, and each page keeps space for the new versions.
CREATE TABLE event_store.projections (
  name text COLLATE "C" NOT NULL,
  build int NOT NULL CHECK (build > 0),
  schema_name text NOT NULL,
  filter text NOT NULL,                    -- the events it is folded from
  position bigint NOT NULL DEFAULT 0,      -- the checkpoint: every event of the filter up to here is applied
  event_id uuid,                           -- the last event that was applied, its position and its time
  event_position bigint,
  event_at timestamptz,
  events bigint NOT NULL DEFAULT 0,
  is_current boolean NOT NULL DEFAULT false,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (name, build)
) WITH (fillfactor = 20);

CREATE UNIQUE INDEX projections_current ON event_store.projections (name) WHERE is_current;

-- Registers a build unless it exists; the first build of a name becomes the current one.
--   p_schema  the schema of its tables
--   p_filter  the events it is folded from, as text
-- Answer: whether it is new.
CREATE FUNCTION event_store.begin_projection(p_name text, p_build int, p_schema text, p_filter text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  -- Processes that begin builds of one name take turns.
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  INSERT INTO projections (name, build, schema_name, filter, is_current)
  VALUES (p_name, p_build, p_schema, p_filter, NOT EXISTS (SELECT FROM projections WHERE name = p_name AND is_current))
  ON CONFLICT (name, build) DO NOTHING;
  RETURN FOUND;
END $$;

-- Moves the checkpoint of a build. The row stays locked until the caller's transaction ends.
--   p_from, p_to  the checkpoint before and after
--   p_events      how many events are applied in between
--   p_event_*     the last of them: id, position, time; null if there is none
-- Answer: whether the checkpoint was p_from; otherwise nothing was changed.
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

-- Makes a build the current one. No checkpoint of the two builds moves between the comparison and the switch.
-- Answer: 'switched' · 'behind': its checkpoint is before the current build's · 'not_found': there is no such build
CREATE FUNCTION event_store.switch_projection(p_name text, p_build int)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE own bigint; current_position bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  PERFORM 1 FROM projections WHERE name = p_name AND (build = p_build OR is_current) ORDER BY build FOR UPDATE;
  SELECT position INTO own FROM projections WHERE name = p_name AND build = p_build;
  IF NOT FOUND THEN
    RETURN 'not_found';
  END IF;
  SELECT position INTO current_position FROM projections WHERE name = p_name AND is_current AND build <> p_build;
  IF own < current_position THEN
    RETURN 'behind';
  END IF;
  UPDATE projections SET is_current = false WHERE name = p_name AND is_current AND build <> p_build;
  UPDATE projections SET is_current = true WHERE name = p_name AND build = p_build;
  RETURN 'switched';
END $$;

-- Removes the row of a build. The role that owns its schema drops the schema in the same transaction.
-- Answer: 'dropped' · 'current': it is the current build, and stays · 'not_found': there is no such build
CREATE FUNCTION event_store.drop_projection(p_name text, p_build int)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE current boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  SELECT is_current INTO current FROM projections WHERE name = p_name AND build = p_build FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'not_found';
  END IF;
  IF current THEN
    RETURN 'current';
  END IF;
  DELETE FROM projections WHERE name = p_name AND build = p_build;
  RETURN 'dropped';
END $$;

REVOKE ALL ON event_store.projections FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.begin_projection, event_store.move_projection, event_store.switch_projection, event_store.drop_projection
  FROM PUBLIC;
