-- Forget a build of a projection; its schema is its owner's to drop, in the same transaction. Answer: 0 done · 1 it is the current one ·
-- 2 there is no such build
CREATE FUNCTION event_store.drop_projection(p_name text, p_build int)
RETURNS smallint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE current boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections ' || p_name, 0));
  SELECT is_current INTO current FROM projections WHERE name = p_name AND build = p_build FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 2;
  END IF;
  IF current THEN
    RETURN 1;
  END IF;
  DELETE FROM projections WHERE name = p_name AND build = p_build;
  RETURN 0;
END $$;

REVOKE ALL ON FUNCTION event_store.drop_projection FROM PUBLIC;
