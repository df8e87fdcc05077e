-- The frontier is proved where it is kept: whoever may call this only says when. A claim of a process, let alone of a role that only may use
-- the store, would make every process that starts later pass over events that are still to be committed.

-- Proves what is final now, and keeps it. Answer: whether all that was visible is final.
CREATE FUNCTION event_store.prove_frontier()
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  known bigint; final bigint; fence_at bigint; fence bigint; known_fence bigint;
  highest bigint; highest_id uuid;
  oldest bigint; newest bigint; unsure boolean;
BEGIN
  IF pg_is_in_recovery() THEN RETURN false; END IF;
  SELECT r.position, r.fence_position, r.fence_xid INTO known, fence_at, fence FROM read_frontier() r;
  final := coalesce(known, 0);
  known_fence := fence;
  -- First what is visible, then who writes: whoever owns a gap was assigned it before, so it had a transaction id and a lock on the table, and
  -- is seen with both unless it has ended. One without an id will be assigned higher positions only.
  SELECT e.position, e.event_id INTO highest, highest_id FROM events e ORDER BY e.position DESC LIMIT 1;
  IF highest IS NULL OR highest <= final THEN RETURN true; END IF;
  -- A prepared transaction changes its name.
  SELECT coalesce(bool_or(l.pid IS NULL), false),
         min(h.x::text::bigint + age(h.x::xid) - age(t.transactionid)),
         max(h.x::text::bigint + age(h.x::xid) - age(t.transactionid))
  INTO unsure, oldest, newest
  FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x) h
  CROSS JOIN (SELECT * FROM pg_locks) l
  LEFT JOIN (SELECT * FROM pg_locks) t
    ON t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock' AND t.granted AND t.virtualtransaction = l.virtualtransaction
  WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    AND l.relation = 'event_store.events'::regclass;
  IF NOT unsure AND oldest IS NULL THEN
    final := highest;
  ELSE
    -- Whoever could fill a gap below the fence has ended.
    IF fence_at > final AND (NOT unsure AND fence <= oldest OR fence <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint) THEN
      final := fence_at;
    END IF;
    -- Positions that follow without a gap are final.
    final := (
      SELECT coalesce(max(v.position), final)
      FROM (SELECT e.position, row_number() OVER (ORDER BY e.position) AS number
            FROM events e WHERE e.position > final ORDER BY e.position LIMIT 1000) v
      WHERE v.position = final + v.number);
    final := least(final, highest);
  END IF;
  IF fence_at <= final THEN
    fence_at := NULL;
    fence := NULL;
  END IF;
  -- An unsure look shows the transactions of prepared ones, too, but not which of them are holders.
  IF fence_at IS NULL AND final < highest AND NOT unsure THEN
    fence_at := highest;
    fence := newest + 1;
  END IF;
  IF final = known AND fence IS NOT DISTINCT FROM known_fence THEN RETURN final >= highest; END IF;
  -- Nobody waits for another one who keeps it.
  PERFORM FROM kept_frontier k FOR UPDATE SKIP LOCKED;
  IF NOT FOUND AND EXISTS (SELECT FROM kept_frontier k) THEN RETURN false; END IF;
  INSERT INTO kept_frontier AS k (server, position, event_position, event_id, fence_position, fence_xid)
  VALUES (log_server(), final, highest, highest_id, fence_at, fence)
  ON CONFLICT (is_only) DO UPDATE
  SET server = excluded.server, position = excluded.position, event_position = excluded.event_position, event_id = excluded.event_id,
      fence_position = excluded.fence_position, fence_xid = excluded.fence_xid
  -- Another process may have kept more meanwhile; what was kept of another log counts for nothing.
  WHERE known IS NULL OR k.position <= excluded.position;
  RETURN final >= highest;
END $$;

-- Programs of before claim what they have proved. Their claims are not needed.
CREATE OR REPLACE FUNCTION event_store.keep_frontier(
  p_started timestamptz, p_position bigint, p_event_position bigint, p_event_id uuid, p_fence_position bigint, p_fence_xid bigint)
RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  SELECT prove_frontier()
$$;

REVOKE ALL ON FUNCTION event_store.prove_frontier FROM PUBLIC;

-- Whoever may keep the frontier may have it proved.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT r.rolname FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.oid = 'event_store.read_frontier()'::regprocedure AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.prove_frontier TO %I', grantee);
  END LOOP;
END $$;
