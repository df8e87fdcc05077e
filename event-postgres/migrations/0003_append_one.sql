-- Append to one stream: one call, one transaction, one round trip.
--   p_expected  -1 any, -2 the stream exists, 0 no events yet, n exactly n
--   p_limit     live events the stream may hold, null for no limit
--   p_check     an earlier try may have been stored: look the ids up first
--   e_*         one element an event, in order
-- Answer, one row: status · stream_version · state · live · last_position · event_id
--   0 stored            stream_version, last_position: of the last event
--   1 wrong version     stream_version: the true one, read under the row lock
--   2 not active        state: 1 archived, 2 soft-deleted, 3 hard-deleted
--   3 stored already    the first answer's numbers
--   4 id conflict       event_id: an id that is in use
--   5 stream limit      live: the events the stream holds
-- The stream row is written before a position is drawn and stays locked until commit; a refused append draws none.
-- In every refused branch the ids are looked up first: an event that is stored is stored, whatever was expected this time.
CREATE FUNCTION event_store.append_one(
  p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_check boolean,
  e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[])
RETURNS TABLE (status smallint, stream_version bigint, state smallint, live bigint, last_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE
  n int := cardinality(e_id);
  t int; c int; k bigint; v bigint; first bigint; st smallint;
  look record;
BEGIN
  SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
  LOOP
    IF p_check THEN
      SELECT * INTO look FROM known_events(t, ARRAY[p_stream], array_fill(1, ARRAY[n]), e_id);
      IF look.known > 0 THEN
        status := CASE WHEN look.in_place THEN 3 ELSE 4 END;
        stream_version := look.version; last_position := look.position; event_id := look.stray;
        RETURN NEXT; RETURN;
      END IF;
    END IF;
    IF st IS NOT NULL THEN -- refused under the lock, and none of the ids is known
      status := CASE WHEN st > 0 THEN 2
                     WHEN p_expected = -1 OR (p_expected = -2 AND v > 0) OR p_expected = v THEN 5
                     ELSE 1 END;
      stream_version := v; state := st; live := v - first + 1;
      RETURN NEXT; RETURN;
    END IF;

    IF p_expected <> 0 AND t IS NOT NULL THEN
      UPDATE streams SET version = version + n
      WHERE tenant_key = t AND stream_id = p_stream AND state = 0
        AND (p_expected = -1 OR (p_expected = -2 AND version > 0) OR version = p_expected)
        AND (p_limit IS NULL OR version - first_version + 1 + n <= p_limit)
      RETURNING stream_key, version - n, category_key INTO k, v, c;
      EXIT WHEN FOUND;
    END IF;
    IF p_expected IN (-1, 0) AND (p_limit IS NULL OR n <= p_limit) THEN
      IF t IS NULL THEN
        INSERT INTO tenants (name) VALUES (p_tenant) ON CONFLICT DO NOTHING;
        SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
      END IF;
      SELECT category_key INTO c FROM categories WHERE name = p_category;
      IF c IS NULL THEN
        INSERT INTO categories (name) VALUES (p_category) ON CONFLICT DO NOTHING;
        SELECT category_key INTO c FROM categories WHERE name = p_category;
      END IF;
      INSERT INTO streams (tenant_key, stream_id, category_key, version) VALUES (t, p_stream, c, n)
      ON CONFLICT DO NOTHING RETURNING stream_key, 0 INTO k, v;
      EXIT WHEN FOUND;
    END IF;

    -- Not written: decide again under the row lock, where the version cannot move.
    SELECT stream_key, version, first_version, state, category_key INTO k, v, first, st, c
    FROM streams WHERE tenant_key = t AND stream_id = p_stream FOR UPDATE;
    IF NOT FOUND THEN
      v := 0; first := 1; st := 0;
    ELSIF st = 0 AND (p_expected = -1 OR (p_expected = -2 AND v > 0) OR p_expected = v)
        AND (p_limit IS NULL OR v - first + 1 + n <= p_limit) THEN
      UPDATE streams SET version = v + n WHERE tenant_key = t AND stream_key = k;
      EXIT;
    END IF;
    p_check := true;
  END LOOP;

  INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
  SELECT t, k, c, v + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
  FROM unnest(e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (id, type, version, data, meta, ord);
  status := 0; stream_version := v + n; last_position := currval('position_seq');
  RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION event_store.append_one FROM PUBLIC;
