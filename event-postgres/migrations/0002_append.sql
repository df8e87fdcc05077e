-- The append. Every function is one call, one transaction and one round trip. The expected version is a number everywhere:
--   -1 any · -2 the stream exists (it has an event) · 0 it has no event · n its last version is exactly n

-- Records pairs of event type and event version. A pair that is recorded already costs one index lookup. The pairs come sorted and are
-- written before anything else of an append: two calls with the same pairs lock them in the same order.
--   p_type, p_version  one element per pair
CREATE FUNCTION event_store.record_event_versions(p_type text[], p_version int[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  INSERT INTO event_versions (event_type, schema_version)
  SELECT u.type, u.version FROM unnest(p_type, p_version) u (type, version) ORDER BY u.type COLLATE "C", u.version
  ON CONFLICT DO NOTHING
$$;

-- Which events of a commit are stored already?
--   p_tenant  the tenant's key, or null if the tenant has none yet (then no event is known)
--   p_stream  the streams of the commit
--   e_req     for each event the index (from 1) of its stream in p_stream
--   e_id      the event ids, grouped by stream
-- Answer, one row per stream: req · known · in_place · version · position · stray
--   known     how many of its ids are stored
--   in_place  all ids are stored in this stream, in this order, without gaps
--   version, position  of the last stored one
--   stray     the first known id that is stored in another stream, otherwise the first known id
-- It runs only for a retry and before a refusal. The settings force index scans, whatever the statistics say.
CREATE FUNCTION event_store.known_events(p_tenant int, p_stream text[], e_req int[], e_id uuid[])
RETURNS TABLE (req int, known bigint, in_place boolean, version bigint, "position" bigint, stray uuid)
LANGUAGE sql STABLE SET search_path = event_store, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  WITH asked AS MATERIALIZED (
    SELECT u.req, u.id, u.ord, min(u.ord) OVER (PARTITION BY u.req) AS first_ord
    FROM unnest(e_req, e_id) WITH ORDINALITY u (req, id, ord)
  ), found AS MATERIALIZED (
    SELECT a.req, a.id, a.ord, s.stream_id = p_stream[a.req] AS here, e.version, e.position,
           e.version - (a.ord - a.first_ord) AS base
    FROM asked a
    JOIN events e ON e.event_id = a.id AND e.tenant_key = p_tenant
    JOIN streams s ON s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key
  )
  SELECT n.req, count(f.id), coalesce(count(f.id) = n.events AND bool_and(f.here) AND min(f.base) = max(f.base), false),
         max(f.version), max(f.position),
         coalesce((array_agg(f.id ORDER BY f.ord) FILTER (WHERE NOT f.here))[1], (array_agg(f.id ORDER BY f.ord) FILTER (WHERE f.here))[1])
  FROM (SELECT a.req, count(*) AS events FROM asked a GROUP BY a.req) n
  LEFT JOIN found f ON f.req = n.req
  GROUP BY n.req, n.events
  ORDER BY n.req
$$;

-- Appends to one stream.
--   p_expected  the expected version
--   p_limit     how many events the stream may hold, or null for no limit
--   p_check     an earlier attempt may have been stored: look up the ids first
--   e_*         one element per event, in order
-- Answer, one row: status · stream_version · state · live · last_position · event_id
--   'stored'          stream_version, last_position: of the last event
--   'wrong_version'   stream_version: the actual one, read under the row lock
--   'not_active'      state: the state of the stream, see event_store.stream_state
--   'already_stored'  stream_version, last_position: as the first call returned them
--   'id_conflict'     event_id: an id that is in use
--   'limit_reached'   live: how many events the stream holds
-- The stream's row is written before a position is assigned, and stays locked until the commit. A refused append assigns no position.
-- The ids are looked up before every refusal: events that are stored are reported as stored, whatever version is expected this time.
-- Arrays make the planner prefer a plan for each call, and plan again each time: force_generic_plan plans once per connection.
CREATE FUNCTION event_store.append_one(
  p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_check boolean,
  e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[])
RETURNS TABLE (status text, stream_version bigint, state text, live bigint, last_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  n int := cardinality(e_id);
  t int; c int; k bigint; v bigint; first bigint; st stream_state;
  look record;
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

  INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
  SELECT t, k, c, v + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
  FROM unnest(e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (id, type, version, data, meta, ord);
  status := 'stored'; stream_version := v + n; last_position := currval('position_seq');
  RETURN NEXT;
END $$;

-- Appends one event: a faster append_one for an append that is accepted. Every other append is passed on to append_one, whose legend
-- describes the parameters and the answer; here e_* are single values.
CREATE FUNCTION event_store.append_event(
  p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_check boolean,
  e_id uuid, e_type text, e_version int, e_data text, e_meta text,
  OUT status text, OUT stream_version bigint, OUT state text, OUT live bigint, OUT last_position bigint, OUT event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE
  t int; c int; k bigint; v bigint;
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
    ON CONFLICT DO NOTHING RETURNING tenant_key, stream_key, category_key, version INTO t, k, c, v;
  END IF;
  IF k IS NULL THEN
    SELECT a.status, a.stream_version, a.state, a.live, a.last_position, a.event_id
    INTO status, stream_version, state, live, last_position, event_id
    FROM append_one(p_tenant, p_stream, p_category, p_expected, p_limit, p_check,
                    ARRAY[e_id], ARRAY[e_type], ARRAY[e_version], ARRAY[e_data], ARRAY[e_meta]) a;
    RETURN;
  END IF;
  INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
  VALUES (t, k, c, v, e_id, e_type, e_version, e_data::json, e_meta::json) RETURNING position INTO last_position;
  status := 'stored'; stream_version := v;
END $$;

-- Appends to several distinct streams of one tenant, all or nothing.
--   p_stream, p_category, p_expected, p_n   one element per stream: name, category, expected version, number of events
--   p_limit, p_check                        as in append_one
--   e_req                                   for each event the index (from 1) of its stream; events come grouped by stream, in order
--   e_*                                     one element per event
-- Answer, one row per stream, ordered by req: req and the columns of append_one, with one more status:
--   'claim_holds'  this stream would have accepted its events; another stream refused
-- Either every status is 'stored', or every status is 'already_stored', or nothing was written and at least one status says why.
-- Three phases keep two calls from deadlocking: (A) create missing rows in order, (B) lock all rows in order, (C) write. A refused commit
-- rolls the inner block back, and phase A with it.
CREATE FUNCTION event_store.append_many(
  p_tenant text, p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint, p_check boolean,
  e_req int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[])
RETURNS TABLE (req int, status text, stream_version bigint, state text, live bigint, last_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  t int; done bigint := 0; found_ids bigint; all_in_place boolean;
  cats int[]; keys bigint[]; base bigint[]; versions bigint[]; states stream_state[]; lives bigint[]; answers text[];
  refused boolean := false;
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
        INSERT INTO tenants (name) VALUES (p_tenant) ON CONFLICT DO NOTHING;
        SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
      END IF;
      INSERT INTO categories (name)
      SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_category) u (name)
                          WHERE NOT EXISTS (SELECT FROM categories c WHERE c.name = u.name) ORDER BY 1) z
      ON CONFLICT DO NOTHING;
      SELECT array_agg(c.category_key ORDER BY u.ord) INTO cats
      FROM unnest(p_category) WITH ORDINALITY u (name, ord) JOIN categories c ON c.name = u.name;
      INSERT INTO streams (tenant_key, stream_id, category_key, version)
      SELECT t, z.name, z.cat, 0
      FROM (SELECT u.name, u.cat FROM unnest(p_stream, cats, p_expected) u (name, cat, expected)
            WHERE u.expected IN (-1, 0) AND NOT EXISTS (SELECT FROM streams s WHERE s.tenant_key = t AND s.stream_id = u.name)
            ORDER BY u.name COLLATE "C") z
      ON CONFLICT DO NOTHING;

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
          WHEN p_limit IS NOT NULL AND x.live + x.n > p_limit THEN 'limit_reached'
          ELSE 'claim_holds' END;
        refused := refused OR answers[x.req] <> 'claim_holds';
      END LOOP;
      IF refused THEN
        RAISE EXCEPTION 'append refused' USING ERRCODE = 'ES001'; -- caught below: phase A is rolled back, no position was assigned
      END IF;

      -- (C) the versions, then the events
      UPDATE streams s SET version = s.version + u.n
      FROM unnest(keys, p_n) u (key, n) WHERE s.tenant_key = t AND s.stream_key = u.key;
      RETURN QUERY
      WITH stored AS (
        INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
        SELECT t, keys[u.req], cats[u.req], base[u.req] + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
        FROM unnest(e_req, e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (req, id, type, version, data, meta, ord)
        RETURNING stream_key, version, position
      )
      SELECT array_position(keys, i.stream_key), 'stored', max(i.version), 'active', NULL::bigint, max(i.position), NULL::uuid
      FROM stored i GROUP BY i.stream_key ORDER BY 1;
      RETURN;
    EXCEPTION WHEN SQLSTATE 'ES001' THEN
      p_check := true;
    END;
  END LOOP;
END $$;

-- Appends for several writers at once: requests for distinct streams of any tenants, each accepted or refused by itself, with one wait for
-- the disk. It answers with arrays, which cost less than rows.
--   p_*    one element per request: tenant, stream, category, expected version, number of events, limit or null
--   e_req  for each event the index (from 1) of its request; events come grouped by request, in order
--   e_ord  for each event its index (from 1) within its request
--   e_*    one element per event
-- Answer: versions · positions
--   versions   one element per request: the stream version of its last event, or null
--   positions  one element per stored event
-- A request without a version wrote nothing and used no position: its writer calls append_one alone, which says why. A stream that
-- another transaction has locked is skipped, and no other lock is waited for longer than a moment: one writer delays no other. An id that is in use
-- fails the whole call. As in append_many, rows are created and locked in one order (tenants, categories, streams), so that two calls do
-- not deadlock.
CREATE FUNCTION event_store.append_batch(
  p_tenant text[], p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint[],
  e_req int[], e_ord int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[],
  OUT versions bigint[], OUT positions bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET lock_timeout = '100ms' AS $$
#variable_conflict use_column
DECLARE
  tenants_of int[]; cats int[]; made bigint[]; requests int[]; keys bigint[]; base bigint[];
BEGIN
  SELECT array_agg(t.tenant_key ORDER BY r.req), array_agg(c.category_key ORDER BY r.req) INTO tenants_of, cats
  FROM unnest(p_tenant, p_category) WITH ORDINALITY r (tenant, category, req)
  LEFT JOIN tenants t ON t.name = r.tenant LEFT JOIN categories c ON c.name = r.category;
  IF array_position(tenants_of, NULL) IS NOT NULL OR array_position(cats, NULL) IS NOT NULL THEN
    INSERT INTO tenants (name)
    SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_tenant) u (name)
                        WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.name = u.name) ORDER BY 1) z
    ON CONFLICT DO NOTHING;
    INSERT INTO categories (name)
    SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_category) u (name)
                        WHERE NOT EXISTS (SELECT FROM categories c WHERE c.name = u.name) ORDER BY 1) z
    ON CONFLICT DO NOTHING;
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
    ON CONFLICT DO NOTHING
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

  WITH stored AS (
    INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
    SELECT tenants_of[u.req], keys[u.req], cats[u.req], base[u.req] + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
    FROM unnest(e_req, e_ord, e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (req, ord, id, type, version, data, meta, at)
    WHERE base[u.req] IS NOT NULL ORDER BY u.at
    RETURNING position
  )
  SELECT array_agg(position) INTO positions FROM stored;
  SELECT array_agg(r.base + r.n ORDER BY r.req) INTO versions FROM unnest(base, p_n) WITH ORDINALITY r (base, n, req);
END $$;

-- Records the names of a tenant and of categories, in a transaction of its own: a caller that appends in a transaction that stays open
-- would otherwise keep other writers of a new tenant or category waiting until it ends.
CREATE FUNCTION event_store.record_names(p_tenant text, p_category text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM tenants t WHERE t.name = p_tenant) THEN
    INSERT INTO tenants (name) VALUES (p_tenant) ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO categories (name)
  SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_category) u (name)
                      WHERE NOT EXISTS (SELECT FROM categories c WHERE c.name = u.name) ORDER BY 1) z
  ON CONFLICT DO NOTHING;
END $$;

REVOKE ALL ON FUNCTION event_store.record_event_versions, event_store.record_names, event_store.known_events, event_store.append_one, event_store.append_event,
  event_store.append_many, event_store.append_batch FROM PUBLIC;
