-- Append to several distinct streams of one tenant, all or nothing: one call, one transaction, one round trip.
--   p_stream, p_category, p_expected, p_n   one element a stream: name, category, expected version (as in append_one), number of events
--   p_limit, p_check                        as in append_one
--   e_req                                   for each event the place (from 1) of its stream; events stand stream by stream, in order
--   e_*                                     one element an event
-- Answer, one row a stream, ordered by req: req and the columns of append_one. Either every status is 0, or every one is 3, or nothing
-- was written and at least one is neither (a stream whose claim holds then answers 6).
-- Three phases, so that no two calls wait for each other in a circle: (A) create missing rows in order, (B) lock all rows in
-- order, (C) write. The inner block takes phase A back when the commit is refused.
CREATE FUNCTION event_store.append_many(
  p_tenant text, p_stream text[], p_category text[], p_expected bigint[], p_n int[], p_limit bigint, p_check boolean,
  e_req int[], e_id uuid[], e_type text[], e_version int[], e_data text[], e_meta text[])
RETURNS TABLE (req int, status smallint, stream_version bigint, state smallint, live bigint, last_position bigint, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  t int; done bigint := 0; found_ids bigint; all_in_place boolean;
  cats int[]; keys bigint[]; base bigint[]; versions bigint[]; states smallint[]; lives bigint[]; answers smallint[];
  refused boolean := false;
  x record;
BEGIN
  SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
  LOOP
    IF p_check THEN
      SELECT sum(w.known), bool_and(w.in_place) INTO found_ids, all_in_place FROM known_events(t, p_stream, e_req, e_id) w;
      IF found_ids > 0 THEN
        RETURN QUERY SELECT w.req, CASE WHEN all_in_place THEN 3 WHEN w.known > 0 THEN 4 ELSE 6 END::smallint,
                            w.version, NULL::smallint, NULL::bigint, w.position, w.stray
                     FROM known_events(t, p_stream, e_req, e_id) w ORDER BY w.req;
        RETURN;
      END IF;
    END IF;
    IF refused THEN
      RETURN QUERY SELECT u.req::int, u.answer, u.version, u.state, u.live, NULL::bigint, NULL::uuid
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

      -- (B) lock every row in the one order, and decide while no version can move
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
               coalesce(l.version, 0) AS version, coalesce(l.version - l.first_version + 1, 0) AS live, coalesce(l.state, 0::smallint) AS state
        FROM asked a LEFT JOIN locked l ON l.stream_id = a.name ORDER BY a.req
      LOOP
        keys[x.req] := x.stream_key; cats[x.req] := x.category_key;
        versions[x.req] := x.version; states[x.req] := x.state; lives[x.req] := x.live;
        base[x.req] := x.version - done; done := done + x.n; -- version of an event = base + its place in the arrays
        answers[x.req] := CASE WHEN x.state > 0 THEN 2
          WHEN NOT (x.expected = -1 OR (x.expected = -2 AND x.version > 0) OR x.expected = x.version) THEN 1
          WHEN p_limit IS NOT NULL AND x.live + x.n > p_limit THEN 5
          ELSE 6 END;
        refused := refused OR answers[x.req] <> 6;
      END LOOP;
      IF refused THEN
        RAISE EXCEPTION 'append refused' USING ERRCODE = 'ES001'; -- caught below; nothing of phase A stays, no position was drawn
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
      SELECT array_position(keys, i.stream_key), 0::smallint, max(i.version), 0::smallint, NULL::bigint, max(i.position), NULL::uuid
      FROM stored i GROUP BY i.stream_key ORDER BY 1;
      RETURN;
    EXCEPTION WHEN SQLSTATE 'ES001' THEN
      p_check := true;
    END;
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION event_store.append_many FROM PUBLIC;
