-- Event ids outlive their events. An append that is repeated after its events were truncated or deleted is answered as before, and no
-- other event of the tenant ever gets such an id.

-- Where the events were that a truncation or a hard deletion removed.
CREATE TABLE event_store.removed_events (
  event_id uuid NOT NULL,
  tenant_key int NOT NULL,
  stream_key bigint NOT NULL,
  version bigint NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (event_id, tenant_key)
);
ALTER TABLE event_store.removed_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON event_store.removed_events FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = nullif(current_setting('events.tenant', true), '')));

-- Fails an append as one with the id of a stored event fails: it is then repeated with a look-up of its ids.
CREATE FUNCTION event_store.refuse_removed_id()
RETURNS void
LANGUAGE plpgsql SET search_path = event_store, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the event id is that of a removed event' USING ERRCODE = 'unique_violation', CONSTRAINT = 'events_event_id';
END $$;

-- The changes of a stream that were made lately, by the id that their caller gave them: one whose answer was lost is asked again by it, and
-- is not refused for what it did itself.
CREATE TABLE event_store.stream_changes (
  tenant_key int NOT NULL,
  stream_key bigint NOT NULL,
  call uuid NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_key, stream_key, call)
);
ALTER TABLE event_store.stream_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON event_store.stream_changes FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = nullif(current_setting('events.tenant', true), '')));

-- As change_stream of 0003.
--   p_call  identifies the call over all of its attempts, or null
-- Answer: as there; 'changed' also if an earlier attempt of the call changed the stream.
CREATE FUNCTION event_store.change_stream(
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
                 WHEN state IN ('soft_deleted', 'hard_deleted') THEN 'deleted'
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

-- For programs of an earlier version.
CREATE OR REPLACE FUNCTION event_store.change_stream(
  p_tenant text, p_stream text, p_expected bigint, p_state event_store.stream_state, p_first bigint)
RETURNS TABLE (status text, stream_version bigint, state text)
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  SELECT c.status, c.stream_version, c.state FROM change_stream(p_tenant, p_stream, p_expected, p_state, p_first, NULL) c
$$;

-- As in 0003. It keeps the ids of what it removes, and locks the stream's row, so that an append sees each event either stored or removed.
CREATE OR REPLACE FUNCTION event_store.remove_truncated(p_tenant text, p_stream text, p_most int)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  WITH stream AS (
    SELECT s.tenant_key, s.stream_key, s.first_version FROM streams s
    WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
    FOR UPDATE
  ), gone AS (
    DELETE FROM events e USING (
      SELECT v.position FROM stream s JOIN events v ON v.tenant_key = s.tenant_key AND v.stream_key = s.stream_key AND v.version < s.first_version
      ORDER BY v.version LIMIT p_most
    ) old WHERE e.position = old.position
    RETURNING e.event_id, e.tenant_key, e.stream_key, e.version, e.position
  ), kept AS (
    INSERT INTO removed_events (event_id, tenant_key, stream_key, version, position)
    SELECT g.event_id, g.tenant_key, g.stream_key, g.version, g.position FROM gone g ON CONFLICT DO NOTHING
  ), unlinked AS (
    DELETE FROM links l USING (
      SELECT v.tenant_key, v.stream_key, v.version
      FROM stream s JOIN links v ON v.tenant_key = s.tenant_key AND v.stream_key = s.stream_key AND v.version < s.first_version
      ORDER BY v.version LIMIT p_most
    ) old WHERE l.tenant_key = old.tenant_key AND l.stream_key = old.stream_key AND l.version = old.version
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM unlinked)
$$;

-- As in 0002; ids of removed events are known, too.
CREATE OR REPLACE FUNCTION event_store.known_events(p_tenant int, p_stream text[], e_req int[], e_id uuid[])
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
    JOIN LATERAL (
      SELECT o.tenant_key, o.stream_key, o.version, o.position FROM events o WHERE o.event_id = a.id AND o.tenant_key = p_tenant
      UNION ALL
      SELECT r.tenant_key, r.stream_key, r.version, r.position FROM removed_events r WHERE r.event_id = a.id AND r.tenant_key = p_tenant
    ) e ON true
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

-- The appends are as in 0002, and refuse ids of removed events. The look-up is part of the statement that inserts: while nothing was
-- removed it costs one look at an empty index.
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
  FROM unnest(e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (id, type, version, data, meta, ord)
  WHERE NOT (EXISTS (SELECT FROM removed_events)
             AND EXISTS (SELECT FROM unnest(e_id) x (id) CROSS JOIN LATERAL (
                           SELECT FROM removed_events r WHERE r.event_id = x.id AND r.tenant_key = t OFFSET 0) gone));
  IF NOT FOUND THEN PERFORM refuse_removed_id(); END IF;
  status := 'stored'; stream_version := v + n; last_position := currval('position_seq');
  RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION event_store.append_event(
  p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_check boolean,
  e_id uuid, e_type text, e_version int, e_data text, e_meta text,
  OUT status text, OUT stream_version bigint, OUT state text, OUT live bigint, OUT last_position bigint, OUT event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp SET enable_seqscan = off AS $$
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
  SELECT t, k, c, v, e_id, e_type, e_version, e_data::json, e_meta::json
  WHERE NOT EXISTS (SELECT FROM removed_events r WHERE r.event_id = e_id AND r.tenant_key = t)
  RETURNING position INTO last_position;
  IF last_position IS NULL THEN PERFORM refuse_removed_id(); END IF;
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
        WHERE NOT (EXISTS (SELECT FROM removed_events)
                   AND EXISTS (SELECT FROM unnest(e_id) x (id) CROSS JOIN LATERAL (
                                 SELECT FROM removed_events r WHERE r.event_id = x.id AND r.tenant_key = t OFFSET 0) gone))
        RETURNING stream_key, version, position
      )
      SELECT array_position(keys, i.stream_key), 'stored', max(i.version), 'active', NULL::bigint, max(i.position), NULL::uuid
      FROM stored i GROUP BY i.stream_key ORDER BY 1;
      IF NOT FOUND THEN PERFORM refuse_removed_id(); END IF;
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
    WHERE base[u.req] IS NOT NULL
      AND NOT (EXISTS (SELECT FROM removed_events)
               AND EXISTS (SELECT FROM unnest(e_req, e_id) x (req, id) CROSS JOIN LATERAL (
                             SELECT FROM removed_events r WHERE r.event_id = x.id AND r.tenant_key = tenants_of[x.req] OFFSET 0) gone))
    ORDER BY u.at
    RETURNING position
  )
  SELECT array_agg(position) INTO positions FROM stored;
  IF positions IS NULL THEN
    IF EXISTS (SELECT FROM unnest(base) b (version) WHERE b.version IS NOT NULL) THEN PERFORM refuse_removed_id(); END IF;
  END IF;
  SELECT array_agg(r.base + r.n ORDER BY r.req) INTO versions FROM unnest(base, p_n) WITH ORDINALITY r (base, n, req);
END $$;

REVOKE ALL ON TABLE event_store.removed_events, event_store.stream_changes FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.refuse_removed_id, event_store.change_stream(text, text, bigint, event_store.stream_state, bigint, uuid) FROM PUBLIC;

-- Whoever may call the function of 0003 may call the one that replaces it.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT r.rolname FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee
    WHERE p.oid = 'event_store.change_stream(text, text, bigint, event_store.stream_state, bigint)'::regprocedure AND a.privilege_type = 'EXECUTE'
      AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.change_stream(text, text, bigint, event_store.stream_state, bigint, uuid) TO %I', grantee);
  END LOOP;
END $$;
