-- Delete a stream: one call, one transaction, one round trip.
--   p_expected  -1 any, -2 the stream exists, 0 no events yet, n exactly n
--   p_state     2 soft: readers and writers are refused, the events stay in the global order; 3 hard: the events go too
-- Answer, one row: status · stream_version · state
--   0 deleted · 1 wrong version, stream_version is the true one · 2 deleted before, state says how · 7 no such stream
-- The row stays, so that name and numbers are never used again.
CREATE FUNCTION event_store.delete_stream(p_tenant text, p_stream text, p_expected bigint, p_state smallint)
RETURNS TABLE (status smallint, stream_version bigint, state smallint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE t int; k bigint;
BEGIN
  SELECT s.tenant_key, s.stream_key, s.version, s.state INTO t, k, stream_version, state
  FROM streams s WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
  FOR UPDATE;
  status := CASE WHEN NOT FOUND THEN 7
                 WHEN state >= 2 THEN 2
                 WHEN NOT (p_expected = -1 OR (p_expected = -2 AND stream_version > 0) OR p_expected = stream_version) THEN 1
                 ELSE 0 END;
  IF status = 0 THEN
    UPDATE streams SET state = p_state WHERE tenant_key = t AND stream_key = k;
    IF p_state = 3 THEN
      DELETE FROM events WHERE tenant_key = t AND stream_key = k;
    END IF;
  END IF;
  RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION event_store.delete_stream FROM PUBLIC;
