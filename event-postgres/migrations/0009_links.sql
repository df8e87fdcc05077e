-- Streams of links: each number of such a stream stands for the position of an event in another one. The event stays where it is; when
-- it is removed, its links stand for nothing, since positions are never used again.
-- state of streams, from now on: 0 active, 1 archived, 2 soft-deleted, 3 hard-deleted; of links: 4 active, 5 archived. Appends ask for
-- state 0, so a stream of links refuses events by the test that an archived one refuses them by.
CREATE TABLE event_store.links (
  tenant_key int NOT NULL,
  stream_key bigint NOT NULL,
  version bigint NOT NULL,
  position bigint NOT NULL,
  CONSTRAINT links_version PRIMARY KEY (tenant_key, stream_key, version),
  CONSTRAINT links_position UNIQUE (tenant_key, stream_key, position)
);

-- Link a stream to existing events: one call, one transaction, one round trip. It draws no position.
--   p_expected, p_limit  as in append_one
--   p_id                 the events, in the order in which the stream shows them; distinct
-- Answer, one row: status · stream_version · state · live · last_position · event_ids
--   0 stored            stream_version: of the last link, last_position: of its event
--   1 wrong version     stream_version: the true one, read under the row lock
--   2 not open to links state: 0 and 1 a stream of events, 2 and 3 deleted, 5 archived
--   3 stored already    the first answer's numbers
--   4 linked otherwise  event_ids: one that the stream links to already
--   5 stream limit      live: the links the stream holds
--   7 no such events    event_ids: all that are not stored
CREATE FUNCTION event_store.link_events(p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_id uuid[])
RETURNS TABLE (status smallint, stream_version bigint, state smallint, live bigint, last_position bigint, event_ids uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  n int := cardinality(p_id);
  t int; c int; k bigint; v bigint; first bigint; st smallint;
  places bigint[]; missing uuid[];
  look record;
BEGIN
  SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
  LOOP
    SELECT array_agg(e.position ORDER BY u.ord), array_agg(u.id ORDER BY u.ord) FILTER (WHERE e.position IS NULL) INTO places, missing
    FROM unnest(p_id) WITH ORDINALITY u (id, ord)
    LEFT JOIN LATERAL (
      SELECT o.position FROM events o JOIN streams s ON s.tenant_key = o.tenant_key AND s.stream_key = o.stream_key AND o.version >= s.first_version
      WHERE o.event_id = u.id AND o.tenant_key = t
    ) e ON true;
    SELECT s.stream_key, s.version, s.first_version, s.state INTO k, v, first, st
    FROM streams s WHERE s.tenant_key = t AND s.stream_id = p_stream FOR UPDATE;
    IF NOT FOUND THEN
      v := 0; first := 1; st := 4;
    END IF;

    SELECT count(*) AS known, count(*) = n AND min(l.version - u.ord) = max(l.version - u.ord) AS in_place, max(l.version) AS last,
           (array_agg(p_id[u.ord] ORDER BY u.ord))[1] AS stray
    INTO look
    FROM unnest(places) WITH ORDINALITY u (place, ord)
    JOIN links l ON l.tenant_key = t AND l.stream_key = k AND l.position = u.place;
    IF look.known > 0 THEN
      status := CASE WHEN look.in_place THEN 3 ELSE 4 END;
      stream_version := look.last; last_position := places[n]; event_ids := ARRAY[look.stray];
      RETURN NEXT; RETURN;
    END IF;
    status := CASE WHEN st <> 4 THEN 2
                   WHEN NOT (p_expected = -1 OR (p_expected = -2 AND v > 0) OR p_expected = v) THEN 1
                   WHEN missing IS NOT NULL THEN 7
                   WHEN p_limit IS NOT NULL AND v - first + 1 + n > p_limit THEN 5
                   ELSE 0 END;
    IF status <> 0 THEN
      stream_version := v; state := st; live := v - first + 1; event_ids := missing;
      RETURN NEXT; RETURN;
    END IF;
    EXIT WHEN k IS NOT NULL;

    SELECT category_key INTO c FROM categories WHERE name = p_category;
    IF c IS NULL THEN
      INSERT INTO categories (name) VALUES (p_category) ON CONFLICT DO NOTHING;
      SELECT category_key INTO c FROM categories WHERE name = p_category;
    END IF;
    INSERT INTO streams (tenant_key, stream_id, category_key, version, state) VALUES (t, p_stream, c, 0, 4)
    ON CONFLICT DO NOTHING RETURNING stream_key INTO k;
    EXIT WHEN k IS NOT NULL;
    -- Somebody else made it meanwhile: decide again under its lock.
  END LOOP;

  UPDATE streams SET version = v + n WHERE tenant_key = t AND stream_key = k;
  INSERT INTO links (tenant_key, stream_key, version, position)
  SELECT t, k, v + u.ord, u.place FROM unnest(places) WITH ORDINALITY u (place, ord);
  stream_version := v + n; last_position := places[n];
  RETURN NEXT;
END $$;

-- As before, for streams of links too; the legend is in 0007_change_stream.sql.
CREATE OR REPLACE FUNCTION event_store.change_stream(p_tenant text, p_stream text, p_expected bigint, p_state smallint, p_first bigint)
RETURNS TABLE (status smallint, stream_version bigint, state smallint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE t int; k bigint;
BEGIN
  SELECT s.tenant_key, s.stream_key, s.version, s.state INTO t, k, stream_version, state
  FROM streams s WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
  FOR UPDATE;
  status := CASE WHEN NOT FOUND THEN 7
                 WHEN state IN (2, 3) THEN 2
                 WHEN NOT (p_expected = -1 OR (p_expected = -2 AND stream_version > 0) OR p_expected = stream_version) THEN 1
                 WHEN p_first > stream_version + 1 THEN 8
                 ELSE 0 END;
  IF status = 0 THEN
    UPDATE streams s SET state = CASE WHEN p_state = 1 AND s.state IN (4, 5) THEN 5 ELSE coalesce(p_state, s.state) END,
                         first_version = greatest(s.first_version, p_first)
    WHERE s.tenant_key = t AND s.stream_key = k;
    IF p_state = 3 THEN
      DELETE FROM events WHERE tenant_key = t AND stream_key = k;
      DELETE FROM links WHERE tenant_key = t AND stream_key = k;
    END IF;
  END IF;
  RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION event_store.remove_truncated(p_tenant text, p_stream text, p_most int)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
  WITH stream AS (
    SELECT s.tenant_key, s.stream_key, s.first_version FROM streams s
    WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
  ), gone AS (
    DELETE FROM events e USING (
      SELECT v.position FROM stream s JOIN events v ON v.tenant_key = s.tenant_key AND v.stream_key = s.stream_key AND v.version < s.first_version
      ORDER BY v.version LIMIT p_most
    ) old WHERE e.position = old.position
    RETURNING 1
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

REVOKE ALL ON TABLE event_store.links FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.link_events FROM PUBLIC;
