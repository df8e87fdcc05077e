-- A sequence may be set back while the store is in use. What it assigns then is in use already, or a gap that readers have passed: an append
-- that was assigned such a position fails.

-- What an append compares its positions with: the highest position that was in use when it was called. Taken before the positions are assigned, so that a
-- sound sequence always exceeds it.
CREATE FUNCTION event_store.highest_position()
RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce((SELECT max(e.position) FROM event_store.events e), 0);
END $$;

-- As in 0001: a sequence that was set back has assigned what is stored all the same.
CREATE OR REPLACE FUNCTION event_store.last_assigned()
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  SELECT greatest(CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END, highest_position()) FROM position_seq q
$$;

-- Fails an append that was assigned a position that is in use, or that readers have passed: its events would be in the log, and never read.
CREATE FUNCTION event_store.refuse_position(p_assigned bigint, p_highest bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'position % was assigned, but % is in use: `position_seq` is behind its rows', p_assigned, p_highest USING ERRCODE = 'ES002';
END $$;

-- The appends are as in 0009 and 0012, and fail where the sequence of positions was set back while they are in use. A key of a tenant, a category or
-- a stream that is in use fails them, too: only a name that exists already is passed over.
CREATE OR REPLACE FUNCTION event_store.append_one(
  p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_check boolean,
  e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[])
RETURNS TABLE (status text, stream_version bigint, state text, live bigint, last_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  n int := cardinality(e_id);
  t int; c int; k bigint; v bigint; first bigint; st stream_state;
  look record;
  highest bigint; lowest bigint;
BEGIN
  SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
  LOOP
    IF p_check THEN
      SELECT * INTO look FROM known_events(t, ARRAY[p_stream], array_fill(1, ARRAY[n]), e_id);
      IF look.known > 0 THEN
        status := CASE WHEN look.in_place THEN 'already_stored' ELSE 'id_conflict' END;
        stream_version := look.version; last_position := look.position; event_id := look.stray;
        RETURN NEXT; RETURN;
      END IF;
    END IF;
    IF st IS NOT NULL THEN -- refused under the lock, and none of the ids is known
      status := CASE WHEN st <> 'active' THEN 'not_active'
                     WHEN p_expected = -1 OR (p_expected = -2 AND v > 0) OR p_expected = v THEN 'limit_reached'
                     ELSE 'wrong_version' END;
      stream_version := v; state := st::text; live := v - first + 1;
      RETURN NEXT; RETURN;
    END IF;

    IF p_expected <> 0 AND t IS NOT NULL THEN
      UPDATE streams SET version = version + n
      WHERE tenant_key = t AND stream_id = p_stream AND state = 'active'
        AND (p_expected = -1 OR (p_expected = -2 AND version > 0) OR version = p_expected)
        AND (p_limit IS NULL OR version - first_version + 1 + n <= p_limit)
      RETURNING stream_key, version - n, category_key INTO k, v, c;
      EXIT WHEN FOUND;
    END IF;
    IF p_expected IN (-1, 0) AND (p_limit IS NULL OR n <= p_limit) THEN
      IF t IS NULL THEN
        INSERT INTO tenants (name) VALUES (p_tenant) ON CONFLICT (name) DO NOTHING;
        SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
      END IF;
      SELECT category_key INTO c FROM categories WHERE name = p_category;
      IF c IS NULL THEN
        INSERT INTO categories (name) VALUES (p_category) ON CONFLICT (name) DO NOTHING;
        SELECT category_key INTO c FROM categories WHERE name = p_category;
      END IF;
      INSERT INTO streams (tenant_key, stream_id, category_key, version) VALUES (t, p_stream, c, n)
      ON CONFLICT (tenant_key, stream_id) DO NOTHING RETURNING stream_key, 0 INTO k, v;
      EXIT WHEN FOUND;
    END IF;

    -- Not written: decide again under the row lock, where the version cannot change.
    SELECT stream_key, version, first_version, state, category_key INTO k, v, first, st, c
    FROM streams WHERE tenant_key = t AND stream_id = p_stream FOR UPDATE;
    IF NOT FOUND THEN
      v := 0; first := 1; st := 'active';
    ELSIF st = 'active' AND (p_expected = -1 OR (p_expected = -2 AND v > 0) OR p_expected = v)
        AND (p_limit IS NULL OR v - first + 1 + n <= p_limit) THEN
      UPDATE streams SET version = v + n WHERE tenant_key = t AND stream_key = k;
      EXIT;
    END IF;
    p_check := true;
  END LOOP;

  highest := highest_position();
  WITH stored AS (
    INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
    SELECT t, k, c, v + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
    FROM unnest(e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (id, type, version, data, meta, ord)
    WHERE NOT (EXISTS (SELECT FROM removed_events)
               AND EXISTS (SELECT FROM unnest(e_id) x (id) CROSS JOIN LATERAL (
                             SELECT FROM removed_events r WHERE r.event_id = x.id AND r.tenant_key = t OFFSET 0) gone))
    RETURNING position
  )
  SELECT min(s.position), max(s.position) INTO lowest, last_position FROM stored s;
  IF lowest IS NULL THEN PERFORM refuse_removed_id(); END IF;
  IF lowest <= highest THEN PERFORM refuse_position(lowest, highest); END IF;
  status := 'stored'; stream_version := v + n;
  RETURN NEXT;
END $$;

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
  highest := highest_position();
  INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
  SELECT t, k, c, v, e_id, e_type, e_version, e_data::json, e_meta::json
  WHERE NOT EXISTS (SELECT FROM removed_events r WHERE r.event_id = e_id AND r.tenant_key = t)
  RETURNING position INTO last_position;
  IF last_position IS NULL THEN PERFORM refuse_removed_id(); END IF;
  IF last_position <= highest THEN PERFORM refuse_position(last_position, highest); END IF;
  status := 'stored'; stream_version := v;
END $$;

CREATE OR REPLACE FUNCTION event_store.append_many(
  p_tenant text, p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint, p_check boolean,
  e_req int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[])
RETURNS TABLE (req int, status text, stream_version bigint, state text, live bigint, last_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  t int; done bigint := 0; found_ids bigint; all_in_place boolean;
  cats int[]; made bigint[]; keys bigint[]; base bigint[]; versions bigint[]; states stream_state[]; lives bigint[]; answers text[];
  refused boolean := false; highest bigint;
  x record;
BEGIN
  SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
  LOOP
    IF p_check THEN
      SELECT sum(w.known), bool_and(w.in_place) INTO found_ids, all_in_place FROM known_events(t, p_stream, e_req, e_id) w;
      IF found_ids > 0 THEN
        RETURN QUERY SELECT w.req, CASE WHEN all_in_place THEN 'already_stored' WHEN w.known > 0 THEN 'id_conflict' ELSE 'claim_holds' END,
                            w.version, NULL::text, NULL::bigint, w.position, w.stray
                     FROM known_events(t, p_stream, e_req, e_id) w ORDER BY w.req;
        RETURN;
      END IF;
    END IF;
    IF refused THEN
      RETURN QUERY SELECT u.req::int, u.answer, u.version, u.state::text, u.live, NULL::bigint, NULL::uuid
                   FROM unnest(answers, versions, states, lives) WITH ORDINALITY u (answer, version, state, live, req) ORDER BY u.req;
      RETURN;
    END IF;

    BEGIN
      -- (A) the rows that are missing, each kind in order
      IF t IS NULL THEN
        INSERT INTO tenants (name) VALUES (p_tenant) ON CONFLICT (name) DO NOTHING;
        SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
      END IF;
      INSERT INTO categories (name)
      SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_category) u (name)
                          WHERE NOT EXISTS (SELECT FROM categories c WHERE c.name = u.name) ORDER BY 1) z
      ON CONFLICT (name) DO NOTHING;
      SELECT array_agg(c.category_key ORDER BY u.ord) INTO cats
      FROM unnest(p_category) WITH ORDINALITY u (name, ord) JOIN categories c ON c.name = u.name;
      WITH new AS (
        INSERT INTO streams (tenant_key, stream_id, category_key, version)
        SELECT t, z.name, z.cat, 0
        FROM (SELECT u.name, u.cat FROM unnest(p_stream, cats, p_expected, p_n) u (name, cat, expected, n)
              WHERE (u.expected = 0 OR (u.expected = -1 AND u.n > 0))
                AND NOT EXISTS (SELECT FROM streams s WHERE s.tenant_key = t AND s.stream_id = u.name)
              ORDER BY u.name COLLATE "C") z
        ON CONFLICT (tenant_key, stream_id) DO NOTHING
        RETURNING stream_key, stream_id
      )
      SELECT array_agg(i.stream_key) INTO made FROM new i JOIN unnest(p_stream, p_n) u (name, n) ON u.name = i.stream_id WHERE u.n = 0;

      -- (B) lock every row in the one order, and decide while no version can change
      refused := false; done := 0;
      FOR x IN
        WITH asked AS MATERIALIZED (
          SELECT * FROM unnest(p_stream, p_expected, p_n) WITH ORDINALITY u (name, expected, n, req)
        ), locked AS MATERIALIZED (
          SELECT s.stream_id, s.stream_key, s.category_key, s.version, s.first_version, s.state
          FROM streams s JOIN asked a ON s.tenant_key = t AND s.stream_id = a.name
          ORDER BY s.stream_id COLLATE "C" FOR UPDATE OF s
        )
        SELECT a.req::int AS req, a.n, a.expected, l.stream_key, l.category_key,
               coalesce(l.version, 0) AS version, coalesce(l.version - l.first_version + 1, 0) AS live, coalesce(l.state, 'active') AS state
        FROM asked a LEFT JOIN locked l ON l.stream_id = a.name ORDER BY a.req
      LOOP
        keys[x.req] := x.stream_key; cats[x.req] := x.category_key;
        versions[x.req] := x.version; states[x.req] := x.state; lives[x.req] := x.live;
        base[x.req] := x.version - done; done := done + x.n; -- an event's version = base + its index in the arrays
        answers[x.req] := CASE WHEN x.state <> 'active' THEN 'not_active'
          WHEN NOT (x.expected = -1 OR (x.expected = -2 AND x.version > 0) OR x.expected = x.version) THEN 'wrong_version'
          WHEN x.n > 0 AND p_limit IS NOT NULL AND x.live + x.n > p_limit THEN 'limit_reached'
          ELSE 'claim_holds' END;
        refused := refused OR answers[x.req] <> 'claim_holds';
      END LOOP;
      IF refused THEN
        RAISE EXCEPTION 'append refused' USING ERRCODE = 'ES001'; -- caught below: phase A is rolled back, no position was assigned
      END IF;

      -- (C) the versions, then the events
      UPDATE streams s SET version = s.version + u.n
      FROM unnest(keys, p_n) u (key, n) WHERE u.n > 0 AND s.tenant_key = t AND s.stream_key = u.key;
      highest := highest_position();
      RETURN QUERY
      WITH stored AS (
        INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
        SELECT t, keys[u.req], cats[u.req], base[u.req] + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
        FROM unnest(e_req, e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (req, id, type, version, data, meta, ord)
        WHERE NOT (EXISTS (SELECT FROM removed_events)
                   AND EXISTS (SELECT FROM unnest(e_id) x (id) CROSS JOIN LATERAL (
                                 SELECT FROM removed_events r WHERE r.event_id = x.id AND r.tenant_key = t OFFSET 0) gone))
        RETURNING stream_key, version, position
      )
      SELECT array_position(keys, i.stream_key), 'stored', max(i.version), 'active', NULL::bigint,
             CASE WHEN min(i.position) > highest THEN max(i.position) ELSE refuse_position(min(i.position), highest) END, NULL::uuid
      FROM stored i GROUP BY i.stream_key ORDER BY 1;
      IF NOT FOUND AND cardinality(e_id) > 0 THEN PERFORM refuse_removed_id(); END IF;
      RETURN QUERY
      SELECT u.req::int, 'claim_holds', versions[u.req], 'active', lives[u.req], NULL::bigint, NULL::uuid
      FROM unnest(p_n) WITH ORDINALITY u (n, req) WHERE u.n = 0 ORDER BY u.req;
      DELETE FROM streams s WHERE s.tenant_key = t AND s.stream_key = ANY (made);
      RETURN;
    EXCEPTION WHEN SQLSTATE 'ES001' THEN
      p_check := true;
    END;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION event_store.append_batch(
  p_tenant text[], p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint[],
  e_req int[], e_ord int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[],
  OUT versions bigint[], OUT positions bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET lock_timeout = '100ms' AS $$
#variable_conflict use_column
DECLARE
  tenants_of int[]; cats int[]; made bigint[]; requests int[]; keys bigint[]; base bigint[]; highest bigint; lowest bigint;
BEGIN
  SELECT array_agg(t.tenant_key ORDER BY r.req), array_agg(c.category_key ORDER BY r.req) INTO tenants_of, cats
  FROM unnest(p_tenant, p_category) WITH ORDINALITY r (tenant, category, req)
  LEFT JOIN tenants t ON t.name = r.tenant LEFT JOIN categories c ON c.name = r.category;
  IF array_position(tenants_of, NULL) IS NOT NULL OR array_position(cats, NULL) IS NOT NULL THEN
    INSERT INTO tenants (name)
    SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_tenant) u (name)
                        WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.name = u.name) ORDER BY 1) z
    ON CONFLICT (name) DO NOTHING;
    INSERT INTO categories (name)
    SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_category) u (name)
                        WHERE NOT EXISTS (SELECT FROM categories c WHERE c.name = u.name) ORDER BY 1) z
    ON CONFLICT (name) DO NOTHING;
    SELECT array_agg(t.tenant_key ORDER BY r.req), array_agg(c.category_key ORDER BY r.req) INTO tenants_of, cats
    FROM unnest(p_tenant, p_category) WITH ORDINALITY r (tenant, category, req)
    JOIN tenants t ON t.name = r.tenant JOIN categories c ON c.name = r.category;
  END IF;

  -- New streams are inserted with their final version: no other transaction can see them before the commit.
  WITH new AS (
    INSERT INTO streams (tenant_key, stream_id, category_key, version)
    SELECT z.tenant, z.name, z.cat, z.n
    FROM (SELECT r.tenant, r.name, r.cat, r.n FROM unnest(tenants_of, p_stream, cats, p_expected, p_n, p_limit) r (tenant, name, cat, expected, n, most)
          WHERE r.expected IN (-1, 0) AND (r.most IS NULL OR r.n <= r.most)
            AND NOT EXISTS (SELECT FROM streams s WHERE s.tenant_key = r.tenant AND s.stream_id = r.name)
          ORDER BY r.tenant, r.name COLLATE "C") z
    ON CONFLICT (tenant_key, stream_id) DO NOTHING
    RETURNING stream_key
  )
  SELECT coalesce(array_agg(stream_key), '{}') INTO made FROM new;

  -- All rows are locked in order. Those that existed before are checked while their versions cannot change; only an accepted request gets
  -- a base.
  WITH locked AS MATERIALIZED (
    SELECT r.req, r.n, s.tenant_key, s.stream_key, s.category_key, s.stream_key = ANY (made) AS made,
           CASE WHEN s.stream_key = ANY (made) THEN 0
                WHEN s.state = 'active' AND (r.expected = -1 OR (r.expected = -2 AND s.version > 0) OR r.expected = s.version)
                  AND (r.most IS NULL OR s.version - s.first_version + 1 + r.n <= r.most) THEN s.version END AS base
    FROM unnest(tenants_of, p_stream, p_expected, p_n, p_limit) WITH ORDINALITY r (tenant, name, expected, n, most, req)
    JOIN streams s ON s.tenant_key = r.tenant AND s.stream_id = r.name
    ORDER BY s.tenant_key, s.stream_id COLLATE "C" FOR UPDATE OF s SKIP LOCKED
  ), moved AS (
    UPDATE streams s SET version = l.base + l.n FROM locked l
    WHERE s.tenant_key = l.tenant_key AND s.stream_key = l.stream_key AND NOT l.made AND l.base IS NOT NULL
  )
  SELECT array_agg(z.req), array_agg(z.stream_key), array_agg(z.category_key), array_agg(z.base) INTO requests, keys, cats, base
  FROM (SELECT * FROM locked ORDER BY req) z;
  -- A request for a stream that must exist and does not, or whose row another transaction has locked, has no row: its elements become null.
  IF cardinality(requests) IS DISTINCT FROM cardinality(p_stream) THEN
    SELECT array_agg(keys[z.at]), array_agg(cats[z.at]), array_agg(base[z.at]) INTO keys, cats, base
    FROM (SELECT array_position(requests, r.req) AS at FROM generate_series(1, cardinality(p_stream)) r (req) ORDER BY r.req) z;
  END IF;

  highest := highest_position();
  WITH stored AS (
    INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
    SELECT tenants_of[u.req], keys[u.req], cats[u.req], base[u.req] + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
    FROM unnest(e_req, e_ord, e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (req, ord, id, type, version, data, meta, at)
    WHERE base[u.req] IS NOT NULL
      AND NOT (EXISTS (SELECT FROM removed_events)
               AND EXISTS (SELECT FROM unnest(e_req, e_id) x (req, id) CROSS JOIN LATERAL (
                             SELECT FROM removed_events r WHERE r.event_id = x.id AND r.tenant_key = tenants_of[x.req] OFFSET 0) gone))
    ORDER BY u.at
    RETURNING position
  )
  SELECT array_agg(position), min(position) INTO positions, lowest FROM stored;
  IF positions IS NULL THEN
    IF EXISTS (SELECT FROM unnest(base) b (version) WHERE b.version IS NOT NULL) THEN PERFORM refuse_removed_id(); END IF;
  END IF;
  IF lowest <= highest THEN PERFORM refuse_position(lowest, highest); END IF;
  SELECT array_agg(r.base + r.n ORDER BY r.req) INTO versions FROM unnest(base, p_n) WITH ORDINALITY r (base, n, req);
END $$;

REVOKE ALL ON FUNCTION event_store.highest_position, event_store.refuse_position FROM PUBLIC;
