-- A stream that was deleted softly may be deleted hard: its events are removed, and its name stays unusable.

-- As in 0009. Only a hard deletion finds a stream that was deleted softly.
CREATE OR REPLACE FUNCTION event_store.change_stream(
  p_tenant text, p_stream text, p_expected bigint, p_state event_store.stream_state, p_first bigint, p_call uuid)
RETURNS TABLE (status text, stream_version bigint, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE t int; k bigint;
BEGIN
  SELECT s.tenant_key, s.stream_key, s.version, s.state::text INTO t, k, stream_version, state
  FROM streams s WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
  FOR UPDATE;
  status := CASE WHEN NOT FOUND THEN 'not_found'
                 WHEN EXISTS (SELECT FROM stream_changes c WHERE c.tenant_key = t AND c.stream_key = k AND c.call = p_call) THEN 'changed'
                 WHEN state = 'hard_deleted' OR (state = 'soft_deleted' AND p_state IS DISTINCT FROM 'hard_deleted') THEN 'deleted'
                 WHEN NOT (p_expected = -1 OR (p_expected = -2 AND stream_version > 0) OR p_expected = stream_version) THEN 'wrong_version'
                 WHEN p_first > stream_version + 1 THEN 'beyond_end' END;
  IF status IS NULL THEN
    status := 'changed';
    UPDATE streams s SET state = CASE WHEN p_state = 'archived' AND s.state IN ('links', 'archived_links') THEN 'archived_links'
                                      ELSE coalesce(p_state, s.state) END,
                         first_version = greatest(s.first_version, p_first)
    WHERE s.tenant_key = t AND s.stream_key = k;
    IF p_state = 'hard_deleted' THEN
      WITH gone AS (
        DELETE FROM events WHERE tenant_key = t AND stream_key = k RETURNING event_id, tenant_key, stream_key, version, position
      )
      INSERT INTO removed_events (event_id, tenant_key, stream_key, version, position)
      SELECT g.event_id, g.tenant_key, g.stream_key, g.version, g.position FROM gone g ON CONFLICT DO NOTHING;
      DELETE FROM links WHERE tenant_key = t AND stream_key = k;
    END IF;
    IF p_call IS NOT NULL THEN
      DELETE FROM stream_changes WHERE tenant_key = t AND stream_key = k AND made_at < clock_timestamp() - interval '1 day';
      INSERT INTO stream_changes (tenant_key, stream_key, call) VALUES (t, k, p_call);
    END IF;
  END IF;
  RETURN NEXT;
END $$;
