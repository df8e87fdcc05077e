-- As in 0015; the highest position is looked up in the function itself, without the cost of calling another one for each event.
CREATE OR REPLACE FUNCTION event_store.append_event(
  p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_check boolean,
  e_id uuid, e_type text, e_version int, e_data text, e_meta text,
  OUT status text, OUT stream_version bigint, OUT state text, OUT live bigint, OUT last_position bigint, OUT event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  t int; c int; k bigint; v bigint; highest bigint;
BEGIN
  IF NOT p_check AND p_expected <> 0 THEN
    UPDATE streams SET version = version + 1
    WHERE tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND stream_id = p_stream AND state = 'active'
      AND (p_expected = -1 OR (p_expected = -2 AND version > 0) OR version = p_expected)
      AND (p_limit IS NULL OR version - first_version + 2 <= p_limit)
    RETURNING tenant_key, stream_key, category_key, version INTO t, k, c, v;
  ELSIF NOT p_check AND (p_limit IS NULL OR p_limit > 0) THEN
    INSERT INTO streams (tenant_key, stream_id, category_key, version)
    SELECT tenant_key, p_stream, category_key, 1 FROM tenants te, categories ca WHERE te.name = p_tenant AND ca.name = p_category
    ON CONFLICT (tenant_key, stream_id) DO NOTHING RETURNING tenant_key, stream_key, category_key, version INTO t, k, c, v;
  END IF;
  IF k IS NULL THEN
    SELECT a.status, a.stream_version, a.state, a.live, a.last_position, a.event_id
    INTO status, stream_version, state, live, last_position, event_id
    FROM append_one(p_tenant, p_stream, p_category, p_expected, p_limit, p_check,
                    ARRAY[e_id], ARRAY[e_type], ARRAY[e_version], ARRAY[e_data], ARRAY[e_meta]) a;
    RETURN;
  END IF;
  SELECT max(e.position) INTO highest FROM events e; -- before the position is assigned
  INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
  SELECT t, k, c, v, e_id, e_type, e_version, e_data::json, e_meta::json
  WHERE NOT EXISTS (SELECT FROM removed_events r WHERE r.event_id = e_id AND r.tenant_key = t)
  RETURNING position INTO last_position;
  IF last_position IS NULL THEN PERFORM refuse_removed_id(); END IF;
  IF last_position <= highest THEN PERFORM refuse_position(last_position, highest); END IF;
  status := 'stored'; stream_version := v;
END $$;
