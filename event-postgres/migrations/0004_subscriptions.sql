-- Durable subscriptions: tables, and the functions that consumers call. tenant is '' for a subscription to the events of all tenants: no
-- tenant has that name. Times are the server's. For a name that is not registered, a function returns no row, or false.

CREATE TABLE event_store.subscriptions (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  filter text NOT NULL,
  partitions int NOT NULL CHECK (partitions > 0),
  paused boolean NOT NULL DEFAULT false,
  stopped text, -- why the last consumer gave up
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name)
);

-- One row per partition: its checkpoint, and the owner that may move it. Every change of owner increments the token.
-- fillfactor: the rows are updated often, and each page keeps space for the new versions.
CREATE TABLE event_store.subscription_partitions (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  partition int NOT NULL,
  position bigint NOT NULL, -- the checkpoint: every event up to here was handled
  event_position bigint,    -- the last event that was handled
  event_id uuid,
  token bigint NOT NULL DEFAULT 0,
  owner text,
  lease_until timestamptz,
  skipped bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name, partition)
) WITH (fillfactor = 20);

-- The owners that are alive, with or without a partition.
CREATE TABLE event_store.subscription_members (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  seen_until timestamptz NOT NULL,
  PRIMARY KEY (tenant, name, owner)
) WITH (fillfactor = 50);

CREATE TABLE event_store.parked_events (
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  event_id uuid NOT NULL,
  partition int NOT NULL,
  attempts int NOT NULL,
  error text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  replay boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, name, position)
);

-- Every heartbeat looks for parked events to be handled again: it reads this index, whatever else is parked.
CREATE INDEX parked_events_replay ON event_store.parked_events (tenant, name) WHERE replay;

-- Creates a subscription unless it exists.
--   p_filter      the events it is about, as text
--   p_partitions  how many partitions it has
--   p_start       the checkpoint that every partition starts with
-- Answer, one row: filter · partitions, as they are stored then
CREATE FUNCTION event_store.register_subscription(p_tenant text, p_name text, p_filter text, p_partitions int, p_start bigint)
RETURNS TABLE (filter text, partitions int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO subscriptions (tenant, name, filter, partitions) VALUES (p_tenant, p_name, p_filter, p_partitions) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    INSERT INTO subscription_partitions (tenant, name, partition, position)
    SELECT p_tenant, p_name, n, p_start FROM generate_series(0, p_partitions - 1) n;
  END IF;
  RETURN QUERY SELECT s.filter, s.partitions FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name;
END $$;

-- The heartbeat of an owner: renews its leases, and takes partitions that are free or whose lease has ended, up to its share.
--   p_owner     the owner
--   p_lease_ms  how long its leases last, in milliseconds
-- Answer, one row per partition that it holds, or one row without a partition:
--   partitions, members, paused  of the subscription: how many partitions and live owners it has, whether it is paused
--   replays                      how many parked events are marked for replay, 1 000 at most
--   partition, token             the partition and its token
--   at_position, event_position, event_id  its checkpoint
-- A lease that ends later than now plus ten times p_lease_ms, or ten minutes if that is longer, was granted before the clock was set back:
-- it counts as ended. Otherwise an owner that died before would block its partitions until the clock is there again.
CREATE FUNCTION event_store.heartbeat_subscription(p_tenant text, p_name text, p_owner text, p_lease_ms bigint)
RETURNS TABLE (partitions int, members int, paused boolean, replays bigint, partition int, token bigint, at_position bigint,
               event_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE n int; m int; is_paused boolean; held int; share int; lease interval := p_lease_ms * interval '1 millisecond';
  longest interval := greatest(lease * 10, interval '10 minutes');
BEGIN
  SELECT s.partitions, s.paused INTO n, is_paused FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  IF NOT FOUND THEN RETURN; END IF;
  DELETE FROM subscription_members WHERE (tenant, name, owner) IN (
    SELECT o.tenant, o.name, o.owner FROM subscription_members o
    WHERE o.tenant = p_tenant AND o.name = p_name AND o.owner <> p_owner
      AND (o.seen_until < clock_timestamp() OR o.seen_until > clock_timestamp() + longest) FOR UPDATE SKIP LOCKED);
  INSERT INTO subscription_members AS o (tenant, name, owner, seen_until) VALUES (p_tenant, p_name, p_owner, clock_timestamp() + lease)
    ON CONFLICT (tenant, name, owner) DO UPDATE SET seen_until = clock_timestamp() + lease;
  -- The calling owner counts, however short its lease is.
  SELECT count(*) INTO m FROM subscription_members o
  WHERE o.tenant = p_tenant AND o.name = p_name AND (o.owner = p_owner OR o.seen_until BETWEEN clock_timestamp() AND clock_timestamp() + longest);
  IF NOT is_paused THEN
    -- Skip a row that a transaction of the same owner has locked: no other owner can take it meanwhile.
    UPDATE subscription_partitions p SET lease_until = clock_timestamp() + lease
    WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition IN (
      SELECT f.partition FROM subscription_partitions f WHERE f.tenant = p_tenant AND f.name = p_name AND f.owner = p_owner
      ORDER BY f.partition FOR UPDATE SKIP LOCKED);
    SELECT count(*) INTO held FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name AND p.owner = p_owner;
    share := (n + m - 1) / m;
    IF held < share THEN
      UPDATE subscription_partitions p SET owner = p_owner, token = p.token + 1, lease_until = clock_timestamp() + lease
      FROM (SELECT f.partition FROM subscription_partitions f
            WHERE f.tenant = p_tenant AND f.name = p_name AND f.owner IS DISTINCT FROM p_owner AND (f.owner IS NULL
              OR f.lease_until < clock_timestamp() OR f.lease_until > clock_timestamp() + longest)
            ORDER BY f.partition LIMIT share - held FOR UPDATE SKIP LOCKED) free
      WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = free.partition;
    END IF;
  END IF;
  RETURN QUERY
    SELECT n, m, is_paused,
           (SELECT count(*) FROM (SELECT FROM parked_events k WHERE k.tenant = p_tenant AND k.name = p_name AND k.replay LIMIT 1000) due),
           p.partition, p.token, p.position, p.event_position, p.event_id
    FROM (SELECT 1) one
    LEFT JOIN subscription_partitions p ON p.tenant = p_tenant AND p.name = p_name AND p.owner = p_owner AND NOT is_paused
    ORDER BY p.partition;
END $$;

-- Moves a checkpoint, forward only, for the holder of the token.
--   p_position, p_event_position, p_event_id  the new checkpoint; the event is null if none was handled
--   p_skipped  how many events were skipped on the way
--   p_strict   false: a checkpoint that is there already is left as it is, and the answer is true;
--              true: the answer is then false, so that no event is handled twice
-- Answer: whether the checkpoint is there now; false if the token is no longer valid.
-- It may be the first statement of a caller's transaction: the row stays locked until it ends, and no other owner can take the partition.
CREATE FUNCTION event_store.save_checkpoint(
  p_tenant text, p_name text, p_partition int, p_token bigint, p_position bigint, p_event_position bigint, p_event_id uuid, p_skipped bigint,
  p_strict boolean)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  UPDATE subscription_partitions p
  SET position = greatest(p.position, p_position),
      event_position = CASE WHEN p.position < p_position THEN coalesce(p_event_position, p.event_position) ELSE p.event_position END,
      event_id = CASE WHEN p.position < p_position THEN coalesce(p_event_id, p.event_id) ELSE p.event_id END,
      skipped = CASE WHEN p.position < p_position THEN p.skipped + p_skipped ELSE p.skipped END,
      updated_at = clock_timestamp()
  WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = p_partition AND p.token = p_token
    AND (NOT p_strict OR p.position < p_position);
  RETURN FOUND;
END $$;

-- Releases partitions.
--   p_owner       the owner
--   p_partitions  the partitions, with p_tokens their tokens; those with an outdated token are left alone. Null releases all partitions of
--                 the owner, and ends its membership
-- Answer: whether the subscription exists.
CREATE FUNCTION event_store.release_partitions(p_tenant text, p_name text, p_owner text, p_partitions int[], p_tokens bigint[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  -- The subscription's row is locked first, as in every function here: a concurrent pause or delete runs before or after this call.
  PERFORM FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  PERFORM FROM subscription_partitions p
  WHERE p.tenant = p_tenant AND p.name = p_name AND (p.owner = p_owner OR p.partition = ANY (p_partitions)) ORDER BY p.partition FOR UPDATE;
  IF p_partitions IS NULL THEN
    DELETE FROM subscription_members o WHERE o.tenant = p_tenant AND o.name = p_name AND o.owner = p_owner;
  END IF;
  UPDATE subscription_partitions p SET owner = NULL, lease_until = NULL, token = p.token + 1
  WHERE p.tenant = p_tenant AND p.name = p_name
    AND CASE WHEN p_partitions IS NULL THEN p.owner = p_owner ELSE (p.partition, p.token) IN (SELECT * FROM unnest(p_partitions, p_tokens)) END;
  RETURN EXISTS (SELECT FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name);
END $$;

-- Parks an event for the holder of the token, or records another failure of a parked one.
--   p_position, p_event_id  the event
--   p_attempts, p_error     how often it was tried, and the last error
-- Answer: false if the token is no longer valid.
CREATE FUNCTION event_store.park_event(
  p_tenant text, p_name text, p_partition int, p_token bigint, p_position bigint, p_event_id uuid, p_attempts int, p_error text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM FROM subscription_partitions p
  WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = p_partition AND p.token = p_token FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO parked_events AS k (tenant, name, position, event_id, partition, attempts, error)
  VALUES (p_tenant, p_name, p_position, p_event_id, p_partition, p_attempts, p_error)
  ON CONFLICT (tenant, name, position) DO UPDATE
    SET event_id = p_event_id, partition = p_partition, attempts = p_attempts, error = p_error, parked_at = clock_timestamp(), replay = false;
  RETURN true;
END $$;

-- Removes a parked event for the holder of the token.
-- Answer: false if the token is no longer valid.
CREATE FUNCTION event_store.unpark_event(p_tenant text, p_name text, p_partition int, p_token bigint, p_position bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM FROM subscription_partitions p
  WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = p_partition AND p.token = p_token FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  DELETE FROM parked_events k WHERE k.tenant = p_tenant AND k.name = p_name AND k.position = p_position;
  RETURN true;
END $$;

-- Marks the parked event at p_position for replay, or with null all of them.
-- Answer: how many were marked.
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

-- What an operator does to a subscription.
--   p_what  'pause' and 'resume' · 'reset': every partition resumes after p_position · 'delete' · 'stopped': records p_text as the reason
--           why the last consumer gave up, or null
-- Answer: whether the subscription exists.
-- Pausing and resetting revoke every lease. The rows of the partitions are locked in order, so that two calls do not deadlock.
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
  PERFORM FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name ORDER BY p.partition FOR UPDATE;
  IF p_what IN ('pause', 'resume') THEN
    UPDATE subscriptions s SET paused = (p_what = 'pause') WHERE s.tenant = p_tenant AND s.name = p_name;
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

REVOKE ALL ON event_store.subscriptions, event_store.subscription_partitions, event_store.subscription_members, event_store.parked_events
  FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.register_subscription, event_store.heartbeat_subscription, event_store.save_checkpoint,
  event_store.release_partitions, event_store.park_event, event_store.unpark_event, event_store.replay_parked,
  event_store.control_subscription FROM PUBLIC;
