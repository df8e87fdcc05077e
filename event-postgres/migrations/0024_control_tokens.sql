-- As in 0020; the tokens that a pause or a reset gives are drawn as all others are, by next_token.
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
    SET owner = NULL, lease_until = NULL, token = next_token(p.token),
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
