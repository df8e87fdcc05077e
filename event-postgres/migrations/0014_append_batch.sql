-- The two ways that appends take most of the time, each cheaper than the function it stands in front of. Plans are made once a connection:
-- arrays make the planner think that a plan for this very call would pay, and plan anew each time.

-- Append for several writers at once: requests for distinct streams of any tenants, each on its own terms; one call, one transaction,
-- one round trip, one wait for the disk. Answers as arrays, which cost less than rows.
--   p_*    one element a request: tenant, stream, category, expected version (as in append_one), number of events, limit or null
--   e_req  for each event the place (from 1) of its request, e_ord its place in there; events stand request by request, in order
--   e_*    one element an event
-- Answer: versions, one element a request, the stream version of its last event or null · positions, one element for each event stored.
-- A request without a version wrote nothing and used no position: its writer asks again alone, and append_one says why. An id that is in
-- use fails the whole call. Rows are made and locked in one order, tenants, categories, streams, as in append_many: no two calls wait for
-- each other in a circle.
CREATE FUNCTION event_store.append_batch(
  p_tenant text[], p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint[],
  e_req int[], e_ord int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[],
  OUT versions bigint[], OUT positions bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  tenants_of int[]; cats int[]; made bigint[]; places int[]; keys bigint[]; base bigint[];
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

  -- Streams that are new come into being at their version: nobody else can have them.
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

  -- All are locked in order; those that were there are judged while their versions cannot move. Only a request that holds has a base.
  WITH locked AS MATERIALIZED (
    SELECT r.req, r.n, s.tenant_key, s.stream_key, s.category_key, s.stream_key = ANY (made) AS made,
           CASE WHEN s.stream_key = ANY (made) THEN 0
                WHEN s.state = 0 AND (r.expected = -1 OR (r.expected = -2 AND s.version > 0) OR r.expected = s.version)
                  AND (r.most IS NULL OR s.version - s.first_version + 1 + r.n <= r.most) THEN s.version END AS base
    FROM unnest(tenants_of, p_stream, p_expected, p_n, p_limit) WITH ORDINALITY r (tenant, name, expected, n, most, req)
    JOIN streams s ON s.tenant_key = r.tenant AND s.stream_id = r.name
    ORDER BY s.tenant_key, s.stream_id COLLATE "C" FOR UPDATE OF s
  ), moved AS (
    UPDATE streams s SET version = l.base + l.n FROM locked l
    WHERE s.tenant_key = l.tenant_key AND s.stream_key = l.stream_key AND NOT l.made AND l.base IS NOT NULL
  )
  SELECT array_agg(z.req), array_agg(z.stream_key), array_agg(z.category_key), array_agg(z.base) INTO places, keys, cats, base
  FROM (SELECT * FROM locked ORDER BY req) z;
  -- A stream that must exist and does not: its place stays empty.
  IF cardinality(places) IS DISTINCT FROM cardinality(p_stream) THEN
    SELECT array_agg(keys[z.at]), array_agg(cats[z.at]), array_agg(base[z.at]) INTO keys, cats, base
    FROM (SELECT array_position(places, r.req) AS at FROM generate_series(1, cardinality(p_stream)) r (req) ORDER BY r.req) z;
  END IF;

  WITH stored AS (
    INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
    SELECT tenants_of[u.req], keys[u.req], cats[u.req], base[u.req] + u.ord, u.id, u.type, u.version, u.data::json, u.meta::json
    FROM unnest(e_req, e_ord, e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY u (req, ord, id, type, version, data, meta, place)
    WHERE base[u.req] IS NOT NULL ORDER BY u.place
    RETURNING position
  )
  SELECT array_agg(position) INTO positions FROM stored;
  SELECT array_agg(r.base + r.n ORDER BY r.req) INTO versions FROM unnest(base, p_n) WITH ORDINALITY r (base, n, req);
END $$;

-- Append of one event: append_one for the case that everything holds. What does not is judged by append_one itself, whose legend says
-- what the parameters and the answer mean.
CREATE FUNCTION event_store.append_event(
  p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_check boolean,
  e_id uuid, e_type text, e_version int, e_data text, e_meta text,
  OUT status smallint, OUT stream_version bigint, OUT state smallint, OUT live bigint, OUT last_position bigint, OUT event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE
  t int; c int; k bigint; v bigint;
BEGIN
  IF NOT p_check AND p_expected <> 0 THEN
    UPDATE streams SET version = version + 1
    WHERE tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND stream_id = p_stream AND state = 0
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
  status := 0; stream_version := v;
END $$;

ALTER FUNCTION event_store.append_one SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION event_store.append_many SET plan_cache_mode = force_generic_plan;

REVOKE ALL ON FUNCTION event_store.append_batch FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.append_event FROM PUBLIC;
