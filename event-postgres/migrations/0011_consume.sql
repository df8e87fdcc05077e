-- What consumers of subscriptions call. Times are the server's. Where a name is not registered, no row answers, or null.

-- Create a subscription unless there is one; what stands then.
CREATE FUNCTION event_store.register_subscription(p_tenant text, p_name text, p_filter text, p_parts int, p_start bigint)
RETURNS TABLE (filter text, parts int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO subscriptions (tenant, name, filter, parts) VALUES (p_tenant, p_name, p_filter, p_parts) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    INSERT INTO subscription_parts (tenant, name, part, position) SELECT p_tenant, p_name, n, p_start FROM generate_series(0, p_parts - 1) n;
  END IF;
  RETURN QUERY SELECT s.filter, s.parts FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name;
END $$;

-- An owner shows up: its leases are renewed, and it takes parts that are free, or whose lease ended, up to its share.
-- One row a part that it holds; one without a part where it holds none.
CREATE FUNCTION event_store.attend_subscription(p_tenant text, p_name text, p_owner text, p_lease_ms bigint)
RETURNS TABLE (parts int, members int, paused boolean, replays bigint, part int, token bigint, at_position bigint, event_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE n int; m int; stands boolean; held int; share int; lease interval := p_lease_ms * interval '1 millisecond';
BEGIN
  SELECT s.parts, s.paused INTO n, stands FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  IF NOT FOUND THEN RETURN; END IF;
  DELETE FROM subscription_members WHERE (tenant, name, owner) IN (
    SELECT o.tenant, o.name, o.owner FROM subscription_members o
    WHERE o.tenant = p_tenant AND o.name = p_name AND o.seen_until < clock_timestamp() AND o.owner <> p_owner FOR UPDATE SKIP LOCKED);
  INSERT INTO subscription_members AS o (tenant, name, owner, seen_until) VALUES (p_tenant, p_name, p_owner, clock_timestamp() + lease)
    ON CONFLICT (tenant, name, owner) DO UPDATE SET seen_until = clock_timestamp() + lease;
  -- This one counts, however short its lease is.
  SELECT count(*) INTO m FROM subscription_members o
  WHERE o.tenant = p_tenant AND o.name = p_name AND (o.owner = p_owner OR o.seen_until >= clock_timestamp());
  IF NOT stands THEN
    -- A row that a transaction of the owner's holds is not waited for: nobody can take it meanwhile.
    UPDATE subscription_parts p SET lease_until = clock_timestamp() + lease
    WHERE p.tenant = p_tenant AND p.name = p_name AND p.part IN (
      SELECT f.part FROM subscription_parts f WHERE f.tenant = p_tenant AND f.name = p_name AND f.owner = p_owner
      ORDER BY f.part FOR UPDATE SKIP LOCKED);
    SELECT count(*) INTO held FROM subscription_parts p WHERE p.tenant = p_tenant AND p.name = p_name AND p.owner = p_owner;
    share := (n + m - 1) / m;
    IF held < share THEN
      UPDATE subscription_parts p SET owner = p_owner, token = p.token + 1, lease_until = clock_timestamp() + lease
      FROM (SELECT f.part FROM subscription_parts f
            WHERE f.tenant = p_tenant AND f.name = p_name AND f.owner IS DISTINCT FROM p_owner AND (f.owner IS NULL OR f.lease_until < clock_timestamp())
            ORDER BY f.part LIMIT share - held FOR UPDATE SKIP LOCKED) free
      WHERE p.tenant = p_tenant AND p.name = p_name AND p.part = free.part;
    END IF;
  END IF;
  RETURN QUERY
    SELECT n, m, stands,
           (SELECT count(*) FROM parked_events k WHERE k.tenant = p_tenant AND k.name = p_name AND k.replay),
           p.part, p.token, p.position, p.event_position, p.event_id
    FROM (SELECT 1) one
    LEFT JOIN subscription_parts p ON p.tenant = p_tenant AND p.name = p_name AND p.owner = p_owner AND NOT stands
    ORDER BY p.part;
END $$;

-- Move a checkpoint, forward only, by the owner of the token. May be called in a transaction of the caller's own, first of all: the row
-- then stays locked to its end, and nobody else can take the part in between. Where it stands as far already, nothing changes: that is
-- true, or, with p_strict, false, so that no event is let through twice.
CREATE FUNCTION event_store.save_checkpoint(
  p_tenant text, p_name text, p_part int, p_token bigint, p_position bigint, p_event_position bigint, p_event_id uuid, p_skipped bigint, p_strict boolean)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  UPDATE subscription_parts p
  SET position = greatest(p.position, p_position),
      event_position = CASE WHEN p.position < p_position THEN coalesce(p_event_position, p.event_position) ELSE p.event_position END,
      event_id = CASE WHEN p.position < p_position THEN coalesce(p_event_id, p.event_id) ELSE p.event_id END,
      skipped = CASE WHEN p.position < p_position THEN p.skipped + p_skipped ELSE p.skipped END,
      updated_at = clock_timestamp()
  WHERE p.tenant = p_tenant AND p.name = p_name AND p.part = p_part AND p.token = p_token AND (NOT p_strict OR p.position < p_position);
  RETURN FOUND;
END $$;

-- Give up parts, those whose token holds; without any, all that the owner has, and its membership.
CREATE FUNCTION event_store.release_parts(p_tenant text, p_name text, p_owner text, p_parts int[], p_tokens bigint[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  -- First of all, as everywhere: who pauses or deletes goes before or after, not in between.
  PERFORM FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  PERFORM FROM subscription_parts p
  WHERE p.tenant = p_tenant AND p.name = p_name AND (p.owner = p_owner OR p.part = ANY (p_parts)) ORDER BY p.part FOR UPDATE;
  IF p_parts IS NULL THEN
    DELETE FROM subscription_members o WHERE o.tenant = p_tenant AND o.name = p_name AND o.owner = p_owner;
  END IF;
  UPDATE subscription_parts p SET owner = NULL, lease_until = NULL, token = p.token + 1
  WHERE p.tenant = p_tenant AND p.name = p_name
    AND CASE WHEN p_parts IS NULL THEN p.owner = p_owner ELSE (p.part, p.token) IN (SELECT * FROM unnest(p_parts, p_tokens)) END;
  RETURN EXISTS (SELECT FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name);
END $$;

-- Put an event aside, by the owner of the token; or write down another failure of it.
CREATE FUNCTION event_store.park_event(
  p_tenant text, p_name text, p_part int, p_token bigint, p_position bigint, p_event_id uuid, p_attempts int, p_error text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM FROM subscription_parts p WHERE p.tenant = p_tenant AND p.name = p_name AND p.part = p_part AND p.token = p_token FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO parked_events AS k (tenant, name, position, event_id, part, attempts, error)
  VALUES (p_tenant, p_name, p_position, p_event_id, p_part, p_attempts, p_error)
  ON CONFLICT (tenant, name, position) DO UPDATE
    SET event_id = p_event_id, part = p_part, attempts = p_attempts, error = p_error, parked_at = clock_timestamp(), replay = false;
  RETURN true;
END $$;

-- Forget a parked event, by the owner of the token.
CREATE FUNCTION event_store.unpark_event(p_tenant text, p_name text, p_part int, p_token bigint, p_position bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM FROM subscription_parts p WHERE p.tenant = p_tenant AND p.name = p_name AND p.part = p_part AND p.token = p_token FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  DELETE FROM parked_events k WHERE k.tenant = p_tenant AND k.name = p_name AND k.position = p_position;
  RETURN true;
END $$;

-- Mark one parked event, or all, to be handled again; how many.
CREATE FUNCTION event_store.replay_parked(p_tenant text, p_name text, p_position bigint)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE n bigint;
BEGIN
  UPDATE parked_events k SET replay = true
  WHERE k.tenant = p_tenant AND k.name = p_name AND NOT k.replay AND (p_position IS NULL OR k.position = p_position);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

-- What an operator does. p_what: 'pause' and 'resume'; 'reset', every part after p_position; 'delete'; 'stopped', with p_text.
-- Pausing and resetting take every lease away. The rows of the parts are locked in order, so that no two calls wait for each other.
CREATE FUNCTION event_store.control_subscription(p_tenant text, p_name text, p_what text, p_position bigint, p_text text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p_what = 'stopped' THEN
    UPDATE subscriptions s SET stopped = p_text WHERE s.tenant = p_tenant AND s.name = p_name;
    RETURN true;
  END IF;
  PERFORM FROM subscription_parts p WHERE p.tenant = p_tenant AND p.name = p_name ORDER BY p.part FOR UPDATE;
  IF p_what IN ('pause', 'resume') THEN
    UPDATE subscriptions s SET paused = (p_what = 'pause') WHERE s.tenant = p_tenant AND s.name = p_name;
  END IF;
  IF p_what IN ('pause', 'reset') THEN
    UPDATE subscription_parts p
    SET owner = NULL, lease_until = NULL, token = p.token + 1,
        position = CASE WHEN p_what = 'reset' THEN p_position ELSE p.position END,
        event_position = CASE WHEN p_what = 'reset' THEN NULL ELSE p.event_position END,
        event_id = CASE WHEN p_what = 'reset' THEN NULL ELSE p.event_id END
    WHERE p.tenant = p_tenant AND p.name = p_name;
  ELSIF p_what = 'delete' THEN
    DELETE FROM parked_events k WHERE k.tenant = p_tenant AND k.name = p_name;
    DELETE FROM subscription_members o WHERE o.tenant = p_tenant AND o.name = p_name;
    DELETE FROM subscription_parts p WHERE p.tenant = p_tenant AND p.name = p_name;
    DELETE FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name;
  END IF;
  RETURN true;
END $$;

REVOKE ALL ON FUNCTION event_store.register_subscription, event_store.attend_subscription, event_store.save_checkpoint,
  event_store.release_parts, event_store.park_event, event_store.unpark_event, event_store.replay_parked,
  event_store.control_subscription FROM PUBLIC;
