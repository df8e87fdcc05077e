-- Each creation of a subscription is an incarnation: a consumer of a deleted subscription changes nothing of one that was created under its
-- name since. The incarnation is a random number, so that a server that lost the latest changes does not draw it again. The tokens of the
-- partitions are counted from it, in steps of random size: no token is ever repeated, and a token proves the incarnation, too.
-- The earlier functions stay for programs of earlier versions.

CREATE FUNCTION event_store.new_incarnation()
RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = event_store, pg_temp AS $$
  -- 60 random bits: the last digits of a random UUID.
  SELECT ('x' || right(replace(gen_random_uuid()::text, '-', ''), 15))::bit(60)::bigint
$$;

CREATE FUNCTION event_store.next_token(p_token bigint)
RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = event_store, pg_temp AS $$
  SELECT p_token + 1 + (random() * 1073741823)::bigint
$$;

ALTER TABLE event_store.subscriptions ADD COLUMN incarnation bigint NOT NULL DEFAULT event_store.new_incarnation();

CREATE OR REPLACE FUNCTION event_store.register_subscription(p_tenant text, p_name text, p_filter text, p_partitions int, p_start bigint)
RETURNS TABLE (filter text, partitions int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE created bigint;
BEGIN
  INSERT INTO subscriptions (tenant, name, filter, partitions) VALUES (p_tenant, p_name, p_filter, p_partitions) ON CONFLICT DO NOTHING
    RETURNING incarnation INTO created;
  IF FOUND THEN
    INSERT INTO subscription_partitions (tenant, name, partition, position, token)
    SELECT p_tenant, p_name, n, p_start, created FROM generate_series(0, p_partitions - 1) n;
  END IF;
  RETURN QUERY SELECT s.filter, s.partitions FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name;
END $$;

-- Creates a subscription unless it exists, as register_subscription does.
-- Answer, one row: filter · partitions · incarnation, as they are stored then; no row if it was deleted at this moment
CREATE FUNCTION event_store.open_subscription(p_tenant text, p_name text, p_filter text, p_partitions int, p_start bigint)
RETURNS TABLE (filter text, partitions int, incarnation bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM register_subscription(p_tenant, p_name, p_filter, p_partitions, p_start);
  RETURN QUERY SELECT s.filter, s.partitions, s.incarnation FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name;
END $$;

-- The heartbeat of an owner, for one incarnation of a subscription: renews its leases, and takes partitions that are free or whose lease has
-- ended, up to its share.
--   p_incarnation  the incarnation that the owner belongs to; another one is left as it is
--   p_owner        the owner
--   p_lease_ms     how long its leases last, in milliseconds
-- Answer, one row per partition that it holds, or one row without a partition:
--   incarnation                  of the subscription; the other columns say nothing if it is another one than p_incarnation
--   partitions, members, paused  how many partitions and live owners it has, whether it is paused
--   rank                         how many live owners have a name that sorts before p_owner: the first ones have one partition more
--   replays                      how many parked events are marked for replay, 1 000 at most
--   partition, token, renewed    the partition, its token, and whether its lease was renewed or taken; a row that a transaction has locked is
--                                not waited for, and is not renewed
--   at_position, event_position, event_id  its checkpoint
-- A lease that ends later than now plus ten times p_lease_ms, or ten minutes if that is longer, was granted before the clock was set back:
-- it counts as ended. Otherwise an owner that died before would block its partitions until the clock is there again.
CREATE FUNCTION event_store.renew_leases(p_tenant text, p_name text, p_incarnation bigint, p_owner text, p_lease_ms bigint)
RETURNS TABLE (incarnation bigint, partitions int, members int, rank int, paused boolean, replays bigint, partition int, token bigint,
               renewed boolean, at_position bigint, event_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE current bigint; n int; m int; before int; is_paused boolean; held int; share int; done int[] := '{}'; taken int[];
  lease interval := p_lease_ms * interval '1 millisecond';
  longest interval := greatest(lease * 10, interval '10 minutes');
BEGIN
  SELECT s.incarnation, s.partitions, s.paused INTO current, n, is_paused
  FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  IF NOT FOUND THEN RETURN; END IF;
  IF current <> p_incarnation THEN
    RETURN QUERY SELECT current, n, 1, 0, is_paused, 0::bigint, NULL::int, NULL::bigint, NULL::boolean, NULL::bigint, NULL::bigint, NULL::uuid;
    RETURN;
  END IF;
  DELETE FROM subscription_members WHERE (tenant, name, owner) IN (
    SELECT o.tenant, o.name, o.owner FROM subscription_members o
    WHERE o.tenant = p_tenant AND o.name = p_name AND o.owner <> p_owner
      AND (o.seen_until < clock_timestamp() OR o.seen_until > clock_timestamp() + longest) FOR UPDATE SKIP LOCKED);
  INSERT INTO subscription_members AS o (tenant, name, owner, seen_until) VALUES (p_tenant, p_name, p_owner, clock_timestamp() + lease)
    ON CONFLICT (tenant, name, owner) DO UPDATE SET seen_until = clock_timestamp() + lease;
  -- The calling owner counts, however short its lease is.
  SELECT count(*), count(*) FILTER (WHERE o.owner < p_owner) INTO m, before FROM subscription_members o
  WHERE o.tenant = p_tenant AND o.name = p_name AND (o.owner = p_owner OR o.seen_until BETWEEN clock_timestamp() AND clock_timestamp() + longest);
  IF NOT is_paused THEN
    -- A transaction of the same owner may have locked a row for long: nobody can take it meanwhile, but its lease ends.
    WITH own AS MATERIALIZED (
      SELECT f.partition FROM subscription_partitions f WHERE f.tenant = p_tenant AND f.name = p_name AND f.owner = p_owner
      ORDER BY f.partition FOR UPDATE SKIP LOCKED
    ), renewed AS (
      UPDATE subscription_partitions p SET lease_until = clock_timestamp() + lease
      FROM own WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = own.partition RETURNING p.partition
    ) SELECT coalesce(array_agg(r.partition), '{}') INTO done FROM renewed r;
    SELECT count(*) INTO held FROM subscription_partitions p WHERE p.tenant = p_tenant AND p.name = p_name AND p.owner = p_owner;
    share := n / m + CASE WHEN before < n % m THEN 1 ELSE 0 END;
    IF held < share THEN
      WITH free AS MATERIALIZED (
        SELECT f.partition FROM subscription_partitions f
        WHERE f.tenant = p_tenant AND f.name = p_name AND f.owner IS DISTINCT FROM p_owner AND (f.owner IS NULL
          OR f.lease_until < clock_timestamp() OR f.lease_until > clock_timestamp() + longest)
        ORDER BY f.partition LIMIT share - held FOR UPDATE SKIP LOCKED
      ), took AS (
        UPDATE subscription_partitions p SET owner = p_owner, token = next_token(p.token), lease_until = clock_timestamp() + lease
        FROM free WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = free.partition RETURNING p.partition
      ) SELECT coalesce(array_agg(t.partition), '{}') INTO taken FROM took t;
      done := done || taken;
    END IF;
  END IF;
  RETURN QUERY
    SELECT current, n, m, before, is_paused,
           (SELECT count(*) FROM (SELECT FROM parked_events k WHERE k.tenant = p_tenant AND k.name = p_name AND k.replay LIMIT 1000) due),
           p.partition, p.token, p.partition = ANY (done), p.position, p.event_position, p.event_id
    FROM (SELECT 1) one
    LEFT JOIN subscription_partitions p ON p.tenant = p_tenant AND p.name = p_name AND p.owner = p_owner AND NOT is_paused
    ORDER BY p.partition;
END $$;

-- Moves the checkpoints of several partitions, each forward only and for the holder of its token, as save_checkpoint does with p_strict false.
-- The lists have one entry per partition. A row that a transaction has locked is not waited for.
-- A checkpoint of another log is refused: a position that was never assigned here, or one where another event is stored. After a failover that
-- lost commits, a consumer of before would pass over what is stored in their place.
-- Answer, one row per partition, in their order: 'saved', 'lost' if the token is no longer valid or the checkpoint is of another log, 'busy'
-- if the row is locked
CREATE FUNCTION event_store.save_checkpoints(
  p_tenant text, p_name text, p_partitions int[], p_tokens bigint[], p_positions bigint[], p_event_positions bigint[], p_event_ids uuid[],
  p_skipped bigint[])
RETURNS TABLE (answer text)
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  WITH given AS MATERIALIZED (
    SELECT * FROM unnest(p_partitions, p_tokens, p_positions, p_event_positions, p_event_ids, p_skipped)
      WITH ORDINALITY u (partition, token, position, event_position, event_id, skipped, number)
  ), locked AS MATERIALIZED (
    SELECT p.partition FROM subscription_partitions p
    WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = ANY (p_partitions) ORDER BY p.partition FOR UPDATE SKIP LOCKED
  ), moved AS (
    UPDATE subscription_partitions p
    SET position = greatest(p.position, g.position),
        event_position = CASE WHEN p.position < g.position THEN coalesce(g.event_position, p.event_position) ELSE p.event_position END,
        event_id = CASE WHEN p.position < g.position THEN coalesce(g.event_id, p.event_id) ELSE p.event_id END,
        skipped = CASE WHEN p.position < g.position THEN p.skipped + g.skipped ELSE p.skipped END,
        updated_at = clock_timestamp()
    FROM given g JOIN locked l ON l.partition = g.partition
    WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = g.partition AND p.token = g.token
      AND g.position <= last_assigned()
      AND NOT EXISTS (SELECT FROM events e WHERE e.position = g.event_position AND e.event_id <> g.event_id)
    RETURNING p.partition
  )
  SELECT CASE WHEN m.partition IS NOT NULL THEN 'saved' WHEN l.partition IS NULL AND p.token = g.token THEN 'busy' ELSE 'lost' END
  FROM given g
  LEFT JOIN moved m ON m.partition = g.partition
  LEFT JOIN locked l ON l.partition = g.partition
  LEFT JOIN subscription_partitions p ON p.tenant = p_tenant AND p.name = p_name AND p.partition = g.partition
  ORDER BY g.number
$$;

-- Releases partitions of one incarnation of a subscription, as release_partitions does; another incarnation is left as it is. A row that a
-- transaction has locked is not waited for: its lease ends by itself.
-- Answer: the incarnation of the subscription; null if it does not exist.
CREATE FUNCTION event_store.release_leases(
  p_tenant text, p_name text, p_incarnation bigint, p_owner text, p_partitions int[], p_tokens bigint[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE current bigint;
BEGIN
  SELECT s.incarnation INTO current FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  IF current IS DISTINCT FROM p_incarnation THEN RETURN current; END IF;
  IF p_partitions IS NULL THEN
    DELETE FROM subscription_members o WHERE o.tenant = p_tenant AND o.name = p_name AND o.owner = p_owner;
  END IF;
  UPDATE subscription_partitions p SET owner = NULL, lease_until = NULL, token = next_token(p.token)
  FROM (
    SELECT f.partition FROM subscription_partitions f
    WHERE f.tenant = p_tenant AND f.name = p_name AND CASE WHEN p_partitions IS NULL THEN f.owner = p_owner
      ELSE (f.partition, f.token) IN (SELECT * FROM unnest(p_partitions, p_tokens)) END
    ORDER BY f.partition FOR UPDATE SKIP LOCKED
  ) f
  WHERE p.tenant = p_tenant AND p.name = p_name AND p.partition = f.partition;
  RETURN current;
END $$;

-- Records why the last consumer of an incarnation gave up, or clears it with null; another incarnation is left as it is.
-- Answer: the incarnation of the subscription; null if it does not exist.
CREATE FUNCTION event_store.stop_subscription(p_tenant text, p_name text, p_incarnation bigint, p_text text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  UPDATE subscriptions s SET stopped = p_text
  WHERE s.tenant = p_tenant AND s.name = p_name AND s.incarnation = p_incarnation AND s.stopped IS DISTINCT FROM p_text;
  RETURN (SELECT s.incarnation FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name);
END $$;

-- Every heartbeat looks for parked events to be handled again, and who handles them reads them in order: whatever else is parked.
CREATE INDEX parked_events_due ON event_store.parked_events (tenant, name, position) WHERE replay;
DROP INDEX event_store.parked_events_replay;

-- It waits for a partition that a consumer's transaction has locked while it has locked the subscription, and with it all heartbeats: for
-- less than a lease.
ALTER FUNCTION event_store.control_subscription(text, text, text, bigint, text) SET lock_timeout = '1s';

REVOKE ALL ON FUNCTION event_store.new_incarnation, event_store.next_token, event_store.open_subscription, event_store.renew_leases,
  event_store.save_checkpoints, event_store.release_leases, event_store.stop_subscription FROM PUBLIC;

-- Whoever may call the function that one of them replaces may call it, too.
DO $$
DECLARE grantee text; called text;
BEGIN
  FOR grantee IN
    SELECT r.rolname FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.oid = 'event_store.heartbeat_subscription(text, text, text, bigint)'::regprocedure AND a.privilege_type = 'EXECUTE'
      AND a.grantee <> p.proowner
  LOOP
    FOREACH called IN ARRAY ARRAY['open_subscription', 'renew_leases', 'save_checkpoints', 'release_leases', 'stop_subscription'] LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.%I TO %I', called, grantee);
    END LOOP;
  END LOOP;
END $$;
