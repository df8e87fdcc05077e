-- Parked events are selected by conditions, to be listed, handled again or given up. What is given up is kept, with the reason.

CREATE TABLE event_store.discarded_events (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  event_id uuid NOT NULL,
  partition int NOT NULL,
  attempts int NOT NULL,
  error text NOT NULL,
  parked_at timestamptz NOT NULL,
  reason text NOT NULL,
  discarded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name, position),
  FOREIGN KEY (tenant, name) REFERENCES event_store.subscriptions ON DELETE CASCADE
);
ALTER TABLE event_store.discarded_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON event_store.discarded_events FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT nullif(current_setting('events.tenant', true), '')));

-- Whether a parked event meets conditions; each of the last five is null if there is none: its position, its id, its type is one of a list,
-- its stream, a text in its error.
CREATE FUNCTION event_store.is_selected(
  p_at bigint, p_id uuid, p_text text, p_position bigint, p_event_id uuid, p_types text[], p_stream text, p_error text)
RETURNS boolean
LANGUAGE sql STABLE SET search_path = event_store, pg_temp AS $$
  SELECT (p_position IS NULL OR p_at = p_position) AND (p_event_id IS NULL OR p_id = p_event_id)
    AND (p_error IS NULL OR position(p_error IN p_text) > 0)
    AND (p_types IS NULL AND p_stream IS NULL OR EXISTS (
      SELECT FROM events e JOIN streams s ON s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key
      WHERE e.position = p_at AND e.event_id = p_id AND (p_types IS NULL OR e.event_type = ANY (p_types))
        AND (p_stream IS NULL OR s.stream_id = p_stream)))
$$;

-- Marks the parked events that meet the conditions of is_selected for replay.
-- Answer: how many were marked; null if the subscription does not exist.
CREATE FUNCTION event_store.replay_selected(
  p_tenant text, p_name text, p_position bigint, p_event_id uuid, p_types text[], p_stream text, p_error text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE n bigint;
BEGIN
  PERFORM FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  UPDATE parked_events k SET replay = true
  WHERE k.tenant = p_tenant AND k.name = p_name AND NOT k.replay
    AND is_selected(k.position, k.event_id, k.error, p_position, p_event_id, p_types, p_stream, p_error);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

-- Discards the parked events that meet the conditions of is_selected and are not marked for replay: they move to discarded_events, where one
-- that was discarded before is replaced. Of a discard and a replay of one event at once, one finds what the other did.
-- Answer: how many were discarded; null if the subscription does not exist.
CREATE FUNCTION event_store.discard_parked(
  p_tenant text, p_name text, p_position bigint, p_event_id uuid, p_types text[], p_stream text, p_error text, p_reason text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE n bigint;
BEGIN
  PERFORM FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  WITH gone AS (
    DELETE FROM parked_events k
    WHERE k.tenant = p_tenant AND k.name = p_name AND NOT k.replay
      AND is_selected(k.position, k.event_id, k.error, p_position, p_event_id, p_types, p_stream, p_error)
    RETURNING k.*
  )
  INSERT INTO discarded_events AS d (tenant, name, position, event_id, partition, attempts, error, parked_at, reason)
  SELECT g.tenant, g.name, g.position, g.event_id, g.partition, g.attempts, g.error, g.parked_at, p_reason FROM gone g
  ON CONFLICT (tenant, name, position) DO UPDATE
    SET event_id = excluded.event_id, partition = excluded.partition, attempts = excluded.attempts, error = excluded.error,
        parked_at = excluded.parked_at, reason = excluded.reason, discarded_at = clock_timestamp();
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

REVOKE ALL ON event_store.discarded_events FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.is_selected, event_store.replay_selected, event_store.discard_parked FROM PUBLIC;

-- Whoever may call replay_parked may call these, too.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT r.rolname
    FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.pronamespace = 'event_store'::regnamespace AND p.proname = 'replay_parked' AND a.privilege_type = 'EXECUTE'
      AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.is_selected, event_store.replay_selected, event_store.discard_parked TO %I', grantee);
    EXECUTE format('GRANT SELECT ON event_store.discarded_events TO %I', grantee);
  END LOOP;
END $$;
