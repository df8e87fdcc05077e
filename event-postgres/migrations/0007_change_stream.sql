-- Change what may be done with a stream: one call, one transaction, one round trip. It takes the place of delete_stream.
--   p_expected  -1 any, -2 the stream exists, 0 no events yet, n exactly n
--   p_state     1 archive: readers go on, writers are refused; 2 delete softly: readers and writers are refused, the events stay in the
--               global order; 3 delete hard: the events go too; null leaves the state
--   p_first     the first version to keep; what is before it is out of sight at once, and removed by remove_truncated; null keeps all
-- Answer, one row: status · stream_version · state
--   0 done · 1 wrong version, stream_version is the true one · 2 deleted before, state says how · 7 no such stream
--   8 p_first is beyond the version after the last, stream_version is the last
-- The row stays, so that name and numbers are never used again.
DROP FUNCTION event_store.delete_stream;

CREATE FUNCTION event_store.change_stream(p_tenant text, p_stream text, p_expected bigint, p_state smallint, p_first bigint)
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
                 WHEN p_first > stream_version + 1 THEN 8
                 ELSE 0 END;
  IF status = 0 THEN
    UPDATE streams s SET state = coalesce(p_state, s.state), first_version = greatest(s.first_version, p_first)
    WHERE s.tenant_key = t AND s.stream_key = k;
    IF p_state = 3 THEN
      DELETE FROM events WHERE tenant_key = t AND stream_key = k;
    END IF;
  END IF;
  RETURN NEXT;
END $$;

-- Remove events that a truncation put out of sight, at most p_most of them: small transactions, so that nobody waits for a large one.
-- Answer: how many were removed; fewer than p_most when none is left.
CREATE FUNCTION event_store.remove_truncated(p_tenant text, p_stream text, p_most int)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  WITH gone AS (
    DELETE FROM events e USING (
      SELECT v.position FROM streams s JOIN events v ON v.tenant_key = s.tenant_key AND v.stream_key = s.stream_key AND v.version < s.first_version
      WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
      ORDER BY v.version LIMIT p_most
    ) old WHERE e.position = old.position
    RETURNING 1
  )
  SELECT count(*) FROM gone
$$;

REVOKE ALL ON FUNCTION event_store.change_stream FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.remove_truncated FROM PUBLIC;
