-- Append for several writers at once: requests for distinct streams of any tenants, each on its own terms; one call, one transaction,
-- one round trip, one wait for the disk.
--   p_*    one element a request: tenant, stream, category, expected version (as in append_one), number of events, limit or null
--   e_req  for each event the place (from 1) of its request; events stand request by request, in order
--   e_*    one element an event
-- Answer, one row for each request that was stored: req · stream_version and last_position of its last event. A request that is missing
-- wrote nothing and used no position: its writer asks again alone, and append_one says why. An id that is in use fails the whole call.
-- Rows are made and locked in one order, tenants, categories, streams, as in append_many: no two calls wait for each other in a circle.
CREATE FUNCTION event_store.append_group(
  p_tenant text[], p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint[],
  e_req int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[])
RETURNS TABLE (req int, stream_version bigint, last_position bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  tenants_of int[]; cats int[]; keys bigint[]; base bigint[];
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
  WITH made AS (
    INSERT INTO streams (tenant_key, stream_id, category_key, version)
    SELECT z.tenant, z.name, z.cat, z.n
    FROM (SELECT r.tenant, r.name, r.cat, r.n FROM unnest(tenants_of, p_stream, cats, p_expected, p_n, p_limit) r (tenant, name, cat, expected, n, most)
          WHERE r.expected IN (-1, 0) AND (r.most IS NULL OR r.n <= r.most)
            AND NOT EXISTS (SELECT FROM streams s WHERE s.tenant_key = r.tenant AND s.stream_id = r.name)
          ORDER BY r.tenant, r.name COLLATE "C") z
    ON CONFLICT DO NOTHING
    RETURNING tenant_key, stream_id, stream_key
  )
  SELECT array_agg(m.stream_key ORDER BY r.req), array_agg(CASE WHEN m.stream_key IS NOT NULL THEN 0 END::bigint ORDER BY r.req) INTO keys, base
  FROM unnest(tenants_of, p_stream) WITH ORDINALITY r (tenant, name, req)
  LEFT JOIN made m ON m.tenant_key = r.tenant AND m.stream_id = r.name;

  -- The others are locked in order, and judged while their versions cannot move.
  IF array_position(keys, NULL) IS NOT NULL THEN
    WITH asked AS MATERIALIZED (
      SELECT * FROM unnest(tenants_of, p_stream, p_expected, p_n, p_limit, keys) WITH ORDINALITY r (tenant, name, expected, n, most, made, req)
    ), locked AS MATERIALIZED (
      SELECT a.req, a.n, a.expected, a.most, s.tenant_key, s.stream_key, s.version, s.first_version, s.state
      FROM asked a JOIN streams s ON s.tenant_key = a.tenant AND s.stream_id = a.name
      WHERE a.made IS NULL ORDER BY s.tenant_key, s.stream_id COLLATE "C" FOR UPDATE OF s
    ), moved AS (
      UPDATE streams s SET version = l.version + l.n FROM locked l
      WHERE s.tenant_key = l.tenant_key AND s.stream_key = l.stream_key AND l.state = 0
        AND (l.expected = -1 OR (l.expected = -2 AND l.version > 0) OR l.expected = l.version)
        AND (l.most IS NULL OR l.version - l.first_version + 1 + l.n <= l.most)
      RETURNING l.req, s.stream_key, s.category_key, l.version AS before
    )
    SELECT array_agg(coalesce(a.made, m.stream_key) ORDER BY a.req), array_agg(coalesce(m.before, 0) ORDER BY a.req),
           array_agg(coalesce(m.category_key, cats[a.req]) ORDER BY a.req) INTO keys, base, cats
    FROM asked a LEFT JOIN moved m ON m.req = a.req;
  END IF;

  RETURN QUERY
  WITH stored AS (
    INSERT INTO events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
    SELECT tenants_of[u.req], keys[u.req], cats[u.req], base[u.req] + u.ord - u.before, u.id, u.type, u.version, u.data::json, u.meta::json
    FROM (SELECT e.*, min(e.ord) OVER (PARTITION BY e.req) - 1 AS before
          FROM unnest(e_req, e_id, e_type, e_version, e_data, e_meta) WITH ORDINALITY e (req, id, type, version, data, meta, ord)) u
    WHERE keys[u.req] IS NOT NULL ORDER BY u.ord
    RETURNING stream_key, version, position
  )
  SELECT array_position(keys, s.stream_key), max(s.version), max(s.position) FROM stored s GROUP BY s.stream_key;
END $$;

REVOKE ALL ON FUNCTION event_store.append_group FROM PUBLIC;
