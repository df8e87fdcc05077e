-- The frontier as a process has proved it, for the processes that start later: what was rolled back long ago is no longer visible as such, and
-- a transaction that is open now could own any gap. One row, written by readers and writers of the log now and then, never by an append.
--   server                    the cluster and the database that it was proved on: a copy of the rows elsewhere proves nothing
--   position                  all positions up to it are final
--   event_position, event_id  the last visible event of the proof; without it the log is another one
--   fence_position, fence_xid positions up to the first are final once all transactions below the second have ended, or null
CREATE TABLE event_store.kept_frontier (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  server text NOT NULL,
  position bigint NOT NULL CHECK (position >= 0),
  event_position bigint NOT NULL,
  event_id uuid NOT NULL,
  fence_position bigint,
  fence_xid bigint
) WITH (fillfactor = 10);

-- The cluster and the database. Standbys and their successors share it; a dump that is restored elsewhere, and a logical replica, do not.
CREATE FUNCTION event_store.log_server()
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = event_store, pg_temp AS $$
DECLARE cluster text := '';
BEGIN
  IF has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
    SELECT c.system_identifier::text INTO cluster FROM pg_catalog.pg_control_system() c;
  END IF;
  RETURN cluster || '/' || (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database());
END $$;

-- The row, if it was written for this log and its last event is there, or was removed on purpose.
CREATE FUNCTION event_store.read_frontier()
RETURNS TABLE ("position" bigint, fence_position bigint, fence_xid bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT k.position, k.fence_position, k.fence_xid FROM kept_frontier k
  WHERE k.server = log_server()
    AND (EXISTS (SELECT FROM events e WHERE e.position = k.event_position AND e.event_id = k.event_id)
         OR EXISTS (SELECT FROM removed_events r WHERE r.event_id = k.event_id AND r.position = k.event_position));
END $$;

-- Keeps what a process proved. Nothing happens on another server than the one that the proof is of, for less than is kept, and without the
-- event of the proof.
CREATE FUNCTION event_store.keep_frontier(
  p_started timestamptz, p_position bigint, p_event_position bigint, p_event_id uuid, p_fence_position bigint, p_fence_xid bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE known bigint;
BEGIN
  IF pg_is_in_recovery() OR pg_postmaster_start_time() <> p_started OR p_position > p_event_position
      OR NOT EXISTS (SELECT FROM events e WHERE e.position = p_event_position AND e.event_id = p_event_id) THEN
    RETURN false;
  END IF;
  known := (SELECT r.position FROM read_frontier() r);
  IF known > p_position OR (known = p_position AND p_fence_position IS NULL) THEN
    RETURN false;
  END IF;
  INSERT INTO kept_frontier AS k (server, position, event_position, event_id, fence_position, fence_xid)
  VALUES (log_server(), p_position, p_event_position, p_event_id, p_fence_position, p_fence_xid)
  ON CONFLICT (is_only) DO UPDATE
  SET server = excluded.server, position = excluded.position, event_position = excluded.event_position, event_id = excluded.event_id,
      fence_position = excluded.fence_position, fence_xid = excluded.fence_xid
  -- Another process may have kept more meanwhile.
  WHERE known IS NULL OR k.position <= excluded.position;
  RETURN FOUND;
END $$;

ALTER TABLE event_store.kept_frontier ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE event_store.kept_frontier FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.log_server, event_store.read_frontier, event_store.keep_frontier FROM PUBLIC;

-- Whoever may read the last position may keep and read the frontier.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT r.rolname FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.oid = 'event_store.last_assigned()'::regprocedure AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.read_frontier, event_store.keep_frontier TO %I', grantee);
  END LOOP;
END $$;
