-- As in 0011; and a lease that ends later than any is given for, ten times the asker's own or ten minutes, was given before the clock was
-- set back: it is over, or whoever died before would hold its parts until the clock is there again.
CREATE OR REPLACE FUNCTION event_store.attend_subscription(p_tenant text, p_name text, p_owner text, p_lease_ms bigint)
RETURNS TABLE (parts int, members int, paused boolean, replays bigint, part int, token bigint, at_position bigint, event_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE n int; m int; stands boolean; held int; share int; lease interval := p_lease_ms * interval '1 millisecond';
  longest interval := greatest(lease * 10, interval '10 minutes');
BEGIN
  SELECT s.parts, s.paused INTO n, stands FROM subscriptions s WHERE s.tenant = p_tenant AND s.name = p_name FOR KEY SHARE;
  IF NOT FOUND THEN RETURN; END IF;
  DELETE FROM subscription_members WHERE (tenant, name, owner) IN (
    SELECT o.tenant, o.name, o.owner FROM subscription_members o
    WHERE o.tenant = p_tenant AND o.name = p_name AND o.owner <> p_owner
      AND (o.seen_until < clock_timestamp() OR o.seen_until > clock_timestamp() + longest) FOR UPDATE SKIP LOCKED);
  INSERT INTO subscription_members AS o (tenant, name, owner, seen_until) VALUES (p_tenant, p_name, p_owner, clock_timestamp() + lease)
    ON CONFLICT (tenant, name, owner) DO UPDATE SET seen_until = clock_timestamp() + lease;
  -- This one counts, however short its lease is.
  SELECT count(*) INTO m FROM subscription_members o
  WHERE o.tenant = p_tenant AND o.name = p_name AND (o.owner = p_owner OR o.seen_until BETWEEN clock_timestamp() AND clock_timestamp() + longest);
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
            WHERE f.tenant = p_tenant AND f.name = p_name AND f.owner IS DISTINCT FROM p_owner AND (f.owner IS NULL
              OR f.lease_until < clock_timestamp() OR f.lease_until > clock_timestamp() + longest)
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
