-- Whether a build of a read model is the current one; it stays that, or stays another one, until the end of the transaction.
--   p_name, p_build  the build
-- Answer: null if there is no such build
CREATE FUNCTION event_store.lock_build(p_name text, p_build int)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE found_current boolean;
BEGIN
  SELECT p.is_current INTO found_current FROM projections p WHERE p.name = p_name AND p.build = p_build FOR NO KEY UPDATE;
  RETURN found_current;
END $$;

-- The current build of a read model; until the end of the transaction it stays that, and nobody else moves it.
CREATE FUNCTION event_store.lock_current_build(p_name text)
RETURNS TABLE (build int, kind text, version int, filter text, "position" bigint, event_id uuid, event_position bigint, event_at timestamptz,
               events bigint, is_current boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  -- One that is waited for may not be current any more afterwards.
  FOR attempt IN 1..100 LOOP
    RETURN QUERY
      SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current
      FROM projections p WHERE p.name = p_name AND p.is_current FOR NO KEY UPDATE;
    IF FOUND OR NOT EXISTS (SELECT FROM projections p WHERE p.name = p_name AND p.is_current) THEN RETURN; END IF;
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION event_store.lock_build, event_store.lock_current_build FROM PUBLIC;

-- Whoever may call move_projection may call these, too.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT r.rolname
    FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.pronamespace = 'event_store'::regnamespace AND p.proname = 'move_projection' AND a.privilege_type = 'EXECUTE'
      AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.lock_build, event_store.lock_current_build TO %I', grantee);
  END LOOP;
END $$;
