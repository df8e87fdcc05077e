-- Whether a place in the log was made on this log, and whether a build of a projection may become the current one.

-- The highest position that was ever drawn, committed or not. It survives a crash, and never goes back but in a database that was restored
-- to an earlier state: a place beyond it was made on another log.
CREATE FUNCTION event_store.last_position()
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  SELECT CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END FROM position_seq q
$$;

-- As in 0013, and no place moves between its being read and the switch.
CREATE OR REPLACE FUNCTION event_store.switch_projection(p_name text, p_build int)
RETURNS smallint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE own bigint; current_position bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  PERFORM 1 FROM projections WHERE name = p_name AND (build = p_build OR is_current) ORDER BY build FOR UPDATE;
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

REVOKE ALL ON FUNCTION event_store.last_position FROM PUBLIC;
