-- Appends to several streams, some of which are only claimed: their state and expected version are judged, and hold until the commit, but
-- nothing is written to them. As append_many of 0009.
--   p_n  0 for a claim; claims come after the appends
-- Answer: as there; a claim that holds is 'claim_holds' where the others are 'stored', and has no row where ids are in use.
-- A claim that a stream does not exist inserts its row, and deletes it again: whoever creates the stream, by any function, finds the name in
-- the unique index and waits until this transaction has ended. No other transaction ever sees the row.
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
      WITH new AS (
        INSERT INTO streams (tenant_key, stream_id, category_key, version)
        SELECT t, z.name, z.cat, 0
        FROM (SELECT u.name, u.cat FROM unnest(p_stream, cats, p_expected, p_n) u (name, cat, expected, n)
              WHERE (u.expected = 0 OR (u.expected = -1 AND u.n > 0))
                AND NOT EXISTS (SELECT FROM streams s WHERE s.tenant_key = t AND s.stream_id = u.name)
              ORDER BY u.name COLLATE "C") z
        ON CONFLICT DO NOTHING
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
