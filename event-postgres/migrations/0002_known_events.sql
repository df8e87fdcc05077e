-- Which of a commit's events are stored already? One row for each stream of the commit.
--   p_tenant  the tenant's key, or null when it has none yet (then nothing is known)
--   p_stream  the streams of the commit       e_req  for each event the place (from 1) of its stream in p_stream
--   e_id      the ids of the events, stream by stream
-- Answer: req · known (how many ids are stored) · in_place (all of them in this stream, in this order, contiguous)
--         · version and position of the last one · stray (the first known id of the stream that is out of place, else the first known one)
-- It runs only for a retry or before a refusal, on an index whatever the statistics say.
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

REVOKE ALL ON FUNCTION event_store.known_events FROM PUBLIC;
