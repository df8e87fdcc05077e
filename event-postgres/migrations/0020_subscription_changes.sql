-- A subscription can be changed: it gets another filter or other partitions, and keeps its places. What it had passed until then is
-- recorded, so that events up to there are not handled again.

CREATE TABLE event_store.subscription_changes (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  number int NOT NULL,             -- in the order of the changes
  incarnation bigint NOT NULL,     -- that it had until the change, as the filter
  filter text NOT NULL,
  up_to bigint[] NOT NULL,         -- the position of the checkpoint of each partition
  new_after bigint,                -- after this position, events are handled that were passed and match since the change; null: none
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name, number),
  -- Whatever deletes a subscription: another one of the name has passed nothing.
  FOREIGN KEY (tenant, name) REFERENCES event_store.subscriptions ON DELETE CASCADE
);
ALTER TABLE event_store.subscription_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON event_store.subscription_changes FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT nullif(current_setting('events.tenant', true), '')));

-- Changes a subscription of one incarnation, which gets another one; all leases are revoked.
--   p_incarnation           the incarnation to change; another one is left as it is
--   p_filter, p_partitions  what it has afterwards
--   p_regroups              whether events belong to other partitions afterwards: each then starts at the checkpoint that is furthest behind
--   p_new_after             no checkpoint is after this position afterwards; null: every partition stays where it is
--   p_keep                  of how many changes to keep what was passed, this one included
-- Answer: the incarnation before the call; null if the subscription does not exist.
CREATE FUNCTION event_store.change_subscription(
  p_tenant text, p_name text, p_incarnation bigint, p_filter text, p_partitions int, p_regroups boolean, p_new_after bigint, p_keep int)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp SET lock_timeout = '1s' AS $$
DECLARE current bigint; before text; places bigint[]; lowest bigint; skips bigint; latest int; next bigint := new_incarnation();
BEGIN
  SELECT s.incarnation, s.filter INTO current, before FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR UPDATE;
  IF current IS DISTINCT FROM p_incarnation THEN RETURN current; END IF;
  PERFORM FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name ORDER BY p.partition FOR UPDATE;
  SELECT array_agg(p.position ORDER BY p.partition), min(p.position), sum(p.skipped) INTO places, lowest, skips
  FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name;
  SELECT 1 + coalesce(max(c.number), 0) INTO latest FROM subscription_changes c WHERE c.tenant = p_tenant AND c.name = p_name;
  INSERT INTO subscription_changes (tenant, name, number, incarnation, filter, up_to, new_after)
  VALUES (p_tenant, p_name, latest, current, before, places, p_new_after);
  DELETE FROM subscription_changes c WHERE c.tenant = p_tenant AND c.name = p_name AND c.number <= latest - p_keep;
  UPDATE subscriptions s SET filter = p_filter, partitions = p_partitions, incarnation = next, stopped = NULL
  WHERE s.tenant = p_tenant AND s.name = p_name;
  IF p_regroups THEN
    DELETE FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name;
    INSERT INTO subscription_partitions (tenant, name, partition, position, token, skipped)
    SELECT p_tenant, p_name, n, least(lowest, p_new_after), next, CASE WHEN n = 0 THEN skips ELSE 0 END FROM generate_series(0, p_partitions - 1) n;
    UPDATE parked_events k SET partition = k.partition % p_partitions WHERE k.tenant = p_tenant AND k.name = p_name;
  ELSE
    UPDATE subscription_partitions p
    SET owner = NULL, lease_until = NULL, token = next_token(p.token), position = least(p.position, p_new_after),
        event_position = CASE WHEN p_new_after < p.position THEN NULL ELSE p.event_position END,
        event_id = CASE WHEN p_new_after < p.position THEN NULL ELSE p.event_id END
    WHERE p.tenant = p_tenant AND p.name = p_name;
  END IF;
  DELETE FROM subscription_members o WHERE o.tenant = p_tenant AND o.name = p_name;
  RETURN current;
END $$;

-- What a subscription had passed at each change since it was created or reset, in order; up_to as text, separated by commas.
CREATE FUNCTION event_store.passed_at_changes(p_tenant text, p_name text)
RETURNS TABLE (incarnation bigint, filter text, up_to text, new_after bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  SELECT c.incarnation, c.filter, array_to_string(c.up_to, ','), c.new_after
  FROM subscription_changes c WHERE c.tenant = p_tenant AND c.name = p_name ORDER BY c.number
$$;

-- As in 0004 and 0011; a reset also forgets what was passed at earlier changes.
CREATE OR REPLACE FUNCTION event_store.control_subscription(p_tenant text, p_name text, p_what text, p_position bigint, p_text text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  PERFORM FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p_what = 'stopped' THEN
    UPDATE subscriptions s SET stopped = p_text WHERE s.tenant = p_tenant AND s.name = p_name;
    RETURN true;
  END IF;
  PERFORM FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name ORDER BY p.partition FOR UPDATE;
  IF p_what IN ('pause', 'resume') THEN
    UPDATE subscriptions s SET paused = (p_what = 'pause') WHERE s.tenant = p_tenant AND s.name = p_name;
  END IF;
  IF p_what = 'reset' THEN
    DELETE FROM subscription_changes c WHERE c.tenant = p_tenant AND c.name = p_name;
  END IF;
  IF p_what IN ('pause', 'reset') THEN
    UPDATE subscription_partitions p
    SET owner = NULL, lease_until = NULL, token = p.token + 1,
        position = CASE WHEN p_what = 'reset' THEN p_position ELSE p.position END,
        event_position = CASE WHEN p_what = 'reset' THEN NULL ELSE p.event_position END,
        event_id = CASE WHEN p_what = 'reset' THEN NULL ELSE p.event_id END
    WHERE p.tenant = p_tenant AND p.name = p_name;
  ELSIF p_what = 'delete' THEN
    DELETE FROM parked_events k WHERE k.tenant = p_tenant AND k.name = p_name;
    DELETE FROM subscription_members o WHERE o.tenant = p_tenant AND o.name = p_name;
    DELETE FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name;
    DELETE FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name;
  END IF;
  RETURN true;
END $$;

REVOKE ALL ON event_store.subscription_changes FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.change_subscription, event_store.passed_at_changes FROM PUBLIC;

-- Whoever may call control_subscription may call these, too.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT r.rolname
    FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.pronamespace = 'event_store'::regnamespace AND p.proname = 'control_subscription' AND a.privilege_type = 'EXECUTE'
      AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.change_subscription, event_store.passed_at_changes TO %I', grantee);
    EXECUTE format('GRANT SELECT ON event_store.subscription_changes TO %I', grantee);
  END LOOP;
END $$;
