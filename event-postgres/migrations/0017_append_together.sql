-- Appends for several writers at once: requests for streams of any tenants, each accepted or refused by itself, with one wait for the disk.
-- As append_batch of 0002, but several requests may be for one stream: they are judged in order, each on what those before it leave.
--   p_*, e_*  as in append_batch
-- Answer: versions · positions · refused · states · lives
--   versions   one element per request: the stream version of its last event · if it is refused, that of the stream when it was judged
--              · -1 if another transaction has locked the stream; neither wrote anything nor used a position
--              · null if append_one has to be asked: the stream does not exist, or one of the ids is known
--   positions  one element per stored event
--   refused    one element per request: null, or not_active · wrong_version · limit_reached
--   states     with a refusal: the state of the stream
--   lives      with a refusal: events that are not truncated
-- A locked stream is skipped, and no other lock is waited for longer than a moment.
CREATE FUNCTION event_store.append_together(
  p_tenant text[], p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint[],
  e_req int[], e_ord int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[],
  OUT versions bigint[], OUT positions bigint[], OUT refused text[], OUT states text[], OUT lives bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET lock_timeout = '100ms' AS $$
#variable_conflict use_column
DECLARE
  n int := cardinality(p_stream);
  tenants_of int[]; cats int[]; made bigint[];
  keys bigint[] := array_fill(NULL::bigint, ARRAY[n]);
  base bigint[] := array_fill(NULL::bigint, ARRAY[n]);
  r int; v bigint; highest bigint; lowest bigint;
  fits boolean; refusals boolean := false; judged int := 0;
  x record;
BEGIN
  versions := array_fill(NULL::bigint, ARRAY[n]); lives := versions;
  refused := array_fill(NULL::text, ARRAY[n]); states := refused;
  SELECT array_agg(t.tenant_key ORDER BY r.req), array_agg(c.category_key ORDER BY r.req) INTO tenants_of, cats
  FROM unnest(p_tenant, p_category) WITH ORDINALITY r (tenant, category, req)
  LEFT JOIN tenants t ON t.name = r.tenant LEFT JOIN categories c ON c.name = r.category;
  -- Only an append that may create a stream leaves names.
  IF array_position(tenants_of, NULL) IS NOT NULL OR array_position(cats, NULL) IS NOT NULL THEN
    INSERT INTO tenants (name)
    SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_tenant, p_expected, p_n, p_limit) u (name, expected, n, most)
                        WHERE u.expected IN (-1, 0) AND (u.most IS NULL OR u.n <= u.most)
                          AND NOT EXISTS (SELECT FROM tenants t WHERE t.name = u.name) ORDER BY 1) z
    ON CONFLICT (name) DO NOTHING;
    INSERT INTO categories (name)
    SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest(p_category, p_expected, p_n, p_limit) u (name, expected, n, most)
                        WHERE u.expected IN (-1, 0) AND (u.most IS NULL OR u.n <= u.most)
                          AND NOT EXISTS (SELECT FROM categories c WHERE c.name = u.name) ORDER BY 1) z
    ON CONFLICT (name) DO NOTHING;
    SELECT array_agg(t.tenant_key ORDER BY r.req), array_agg(c.category_key ORDER BY r.req) INTO tenants_of, cats
    FROM unnest(p_tenant, p_category) WITH ORDINALITY r (tenant, category, req)
    LEFT JOIN tenants t ON t.name = r.tenant LEFT JOIN categories c ON c.name = r.category;
  END IF;

  -- A new stream is inserted if one of its requests is accepted for sure; with its final version if there is only one. No other transaction
  -- can see it before the commit.
  WITH new AS (
    INSERT INTO streams (tenant_key, stream_id, category_key, version)
    SELECT z.tenant, z.name, z.cat, CASE WHEN z.requests = 1 THEN z.n ELSE 0 END
    FROM (SELECT DISTINCT ON (r.tenant, r.name COLLATE "C") r.tenant, r.name, r.cat, r.n,
                 count(*) OVER (PARTITION BY r.tenant, r.name) AS requests
          FROM unnest(tenants_of, p_stream, cats, p_expected, p_n, p_limit) r (tenant, name, cat, expected, n, most)
          WHERE r.expected IN (-1, 0) AND (r.most IS NULL OR r.n <= r.most)
            AND NOT EXISTS (SELECT FROM streams s WHERE s.tenant_key = r.tenant AND s.stream_id = r.name)
          ORDER BY r.tenant, r.name COLLATE "C") z
    ON CONFLICT (tenant_key, stream_id) DO NOTHING
    RETURNING stream_key
  )
  SELECT coalesce(array_agg(stream_key), '{}') INTO made FROM new;

  -- All rows are locked in order; then the requests are judged while no version can change.
  FOR x IN
    WITH asked AS MATERIALIZED (
      SELECT r.tenant, r.name, array_agg(r.req::int ORDER BY r.req) AS requests
      FROM unnest(tenants_of, p_stream) WITH ORDINALITY r (tenant, name, req) GROUP BY r.tenant, r.name
    ), locked AS MATERIALIZED (
      SELECT s.stream_key, s.category_key, s.first_version, s.state, a.requests,
             CASE WHEN s.stream_key = ANY (made) THEN 0 ELSE s.version END AS version
      FROM asked a JOIN streams s ON s.tenant_key = a.tenant AND s.stream_id = a.name
      ORDER BY s.tenant_key, s.stream_id COLLATE "C" FOR UPDATE OF s SKIP LOCKED
    )
    SELECT * FROM locked
  LOOP
    v := x.version;
    FOREACH r IN ARRAY x.requests LOOP
      judged := judged + 1;
      fits := p_expected[r] = -1 OR (p_expected[r] = -2 AND v > 0) OR p_expected[r] = v;
      IF x.state = 'active' AND fits AND (p_limit[r] IS NULL OR v - x.first_version + 1 + p_n[r] <= p_limit[r]) THEN
        keys[r] := x.stream_key; cats[r] := x.category_key; base[r] := v;
        v := v + p_n[r];
      ELSE
        refusals := true;
        refused[r] := CASE WHEN x.state <> 'active' THEN 'not_active' WHEN fits THEN 'limit_reached' ELSE 'wrong_version' END;
        states[r] := x.state::text; lives[r] := v - x.first_version + 1;
      END IF;
      versions[r] := v;
    END LOOP;
  END LOOP;
  IF judged < n THEN
    FOR x IN
      SELECT u.req::int AS req FROM unnest(tenants_of, p_stream) WITH ORDINALITY u (tenant, name, req)
      WHERE versions[u.req] IS NULL AND EXISTS (SELECT FROM streams s WHERE s.tenant_key = u.tenant AND s.stream_id = u.name)
    LOOP
      versions[x.req] := -1;
    END LOOP;
  END IF;

  UPDATE streams s SET version = z.version
  FROM (SELECT tenants_of[r.req] AS tenant, r.key, max(r.base + r.n) AS version
        FROM unnest(keys, base, p_n) WITH ORDINALITY r (key, base, n, req) WHERE r.base IS NOT NULL GROUP BY 1, 2) z
  WHERE s.tenant_key = z.tenant AND s.stream_key = z.key AND s.version <> z.version;

  highest := highest_position();
  WITH stored AS (
    INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
    SELECT tenants_of[u.req], keys[u.req], cats[u.req], base[u.req] + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
    FROM unnest(e_req, e_ord, e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (req, ord, id, type, version, data, meta, at)
    WHERE base[u.req] IS NOT NULL
      AND NOT (EXISTS (SELECT FROM removed_events)
               AND EXISTS (SELECT FROM unnest(e_req, e_id) y (req, id) CROSS JOIN LATERAL (
                             SELECT FROM removed_events r WHERE r.event_id = y.id AND r.tenant_key = tenants_of[y.req] OFFSET 0) gone))
    ORDER BY u.at
    RETURNING position
  )
  SELECT array_agg(position), min(position) INTO positions, lowest FROM stored;
  IF positions IS NULL THEN
    IF EXISTS (SELECT FROM unnest(base) b (version) WHERE b.version IS NOT NULL) THEN PERFORM refuse_removed_id(); END IF;
  END IF;
  IF lowest <= highest THEN PERFORM refuse_position(lowest, highest); END IF;

  -- A known id is an answer that goes before a refusal. All ids of the refused streams are visible now: their rows are locked.
  IF refusals THEN
    FOR x IN
      SELECT DISTINCT u.req FROM unnest(e_req, e_id) u (req, id)
      WHERE refused[u.req] IS NOT NULL
        AND (EXISTS (SELECT FROM events e WHERE e.event_id = u.id AND e.tenant_key = tenants_of[u.req])
             OR EXISTS (SELECT FROM removed_events r WHERE r.event_id = u.id AND r.tenant_key = tenants_of[u.req]))
    LOOP
      refused[x.req] := NULL; versions[x.req] := NULL;
    END LOOP;
  END IF;
END $$;

REVOKE ALL ON FUNCTION event_store.append_together FROM PUBLIC;

-- Whoever may call append_batch may call this, too.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT r.rolname
    FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.pronamespace = 'event_store'::regnamespace AND p.proname = 'append_batch' AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.append_together TO %I', grantee);
  END LOOP;
END $$;
