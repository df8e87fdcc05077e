-- The life of a stream after its events are stored (archive, delete, truncate), and streams of links.

-- Streams of links: each version of such a stream refers to an event of another stream by its position. The event stays where it is. When
-- it is removed, its links refer to nothing, since a position is never assigned twice.
CREATE TABLE event_store.links (
  tenant_key int NOT NULL,
  stream_key bigint NOT NULL,
  version bigint NOT NULL,
  position bigint NOT NULL,
  CONSTRAINT links_version PRIMARY KEY (tenant_key, stream_key, version),
  CONSTRAINT links_position UNIQUE (tenant_key, stream_key, position)
);

-- Archives, deletes or truncates a stream, of events or of links: one call, one transaction, one round trip.
--   p_expected  the expected version: -1 any, -2 the stream exists, 0 no events yet, n exactly n
--   p_state     the new state, or null to keep it: 'archived' refuses writers and still serves readers; 'soft_deleted' refuses both and
--               keeps the events in the global order; 'hard_deleted' removes the events too
--   p_first     the first version to keep, or null to keep all; earlier ones are hidden at once and removed later by remove_truncated
-- Answer, one row: status · stream_version · state
--   'changed'
--   'wrong_version'  stream_version: the actual one
--   'deleted'        the stream was deleted before; state says how
--   'not_found'
--   'beyond_end'     p_first is greater than the next version; stream_version: the last one
-- The row of a deleted stream stays, so that its name and its versions are never used again.
CREATE FUNCTION event_store.change_stream(p_tenant text, p_stream text, p_expected bigint, p_state event_store.stream_state, p_first bigint)
RETURNS TABLE (status text, stream_version bigint, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE t int; k bigint;
BEGIN
  SELECT s.tenant_key, s.stream_key, s.version, s.state::text INTO t, k, stream_version, state
  FROM streams s WHERE s.tenant_key = (SELECT tenant_key FROM tenants WHERE name = p_tenant) AND s.stream_id = p_stream
  FOR UPDATE;
  status := CASE WHEN NOT FOUND THEN 'not_found'
                 WHEN state IN ('soft_deleted', 'hard_deleted') THEN 'deleted'
                 WHEN NOT (p_expected = -1 OR (p_expected = -2 AND stream_version > 0) OR p_expected = stream_version) THEN 'wrong_version'
                 WHEN p_first > stream_version + 1 THEN 'beyond_end'
                 ELSE 'changed' END;
  IF status = 'changed' THEN
    UPDATE streams s SET state = CASE WHEN p_state = 'archived' AND s.state IN ('links', 'archived_links') THEN 'archived_links'
                                      ELSE coalesce(p_state, s.state) END,
                         first_version = greatest(s.first_version, p_first)
    WHERE s.tenant_key = t AND s.stream_key = k;
    IF p_state = 'hard_deleted' THEN
      DELETE FROM events WHERE tenant_key = t AND stream_key = k;
      DELETE FROM links WHERE tenant_key = t AND stream_key = k;
    END IF;
  END IF;
  RETURN NEXT;
END $$;

-- Removes events and links that a truncation has hidden, at most p_most of each: several small transactions instead of one that blocks
-- writers for long.
-- Answer: how many were removed; fewer than p_most once none is left.
CREATE FUNCTION event_store.remove_truncated(p_tenant text, p_stream text, p_most int)
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

-- Links a stream to existing events: one call, one transaction, one round trip. It assigns no position.
--   p_expected, p_limit  as in append_one
--   p_id                 the events, distinct, in the order in which the stream shows them
-- Answer, one row: status · stream_version · state · live · last_position · event_ids
--   'stored'            stream_version: of the last link, last_position: of its event
--   'wrong_version'     stream_version: the actual one, read under the row lock
--   'not_active'        the stream takes no links; state says why: 'active' and 'archived' are states of a stream of events
--   'already_stored'    stream_version, last_position: as the first call returned them
--   'id_conflict'       event_ids: one that the stream links to already, in another order or only in part
--   'limit_reached'     live: how many links the stream holds
--   'events_not_found'  event_ids: all that are not stored
CREATE FUNCTION event_store.link_events(p_tenant text, p_stream text, p_category text, p_expected bigint, p_limit bigint, p_id uuid[])
RETURNS TABLE (status text, stream_version bigint, state text, live bigint, last_position bigint, event_ids uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  n int := cardinality(p_id);
  t int; c int; k bigint; v bigint; first bigint; st stream_state;
  positions bigint[]; missing uuid[];
  look record;
BEGIN
  SELECT tenant_key INTO t FROM tenants WHERE name = p_tenant;
  LOOP
    SELECT array_agg(e.position ORDER BY u.ord), array_agg(u.id ORDER BY u.ord) FILTER (WHERE e.position IS NULL) INTO positions, missing
    FROM unnest(p_id) WITH ORDINALITY u (id, ord)
    LEFT JOIN LATERAL (
      SELECT o.position FROM events o JOIN streams s ON s.tenant_key = o.tenant_key AND s.stream_key = o.stream_key AND o.version >= s.first_version
      WHERE o.event_id = u.id AND o.tenant_key = t
    ) e ON true;
    SELECT s.stream_key, s.version, s.first_version, s.state INTO k, v, first, st
    FROM streams s WHERE s.tenant_key = t AND s.stream_id = p_stream FOR UPDATE;
    IF NOT FOUND THEN
      v := 0; first := 1; st := 'links';
    END IF;

    SELECT count(*) AS known, count(*) = n AND min(l.version - u.ord) = max(l.version - u.ord) AS in_place, max(l.version) AS last,
           (array_agg(p_id[u.ord] ORDER BY u.ord))[1] AS stray
    INTO look
    FROM unnest(positions) WITH ORDINALITY u (at, ord)
    JOIN links l ON l.tenant_key = t AND l.stream_key = k AND l.position = u.at;
    IF look.known > 0 THEN
      status := CASE WHEN look.in_place THEN 'already_stored' ELSE 'id_conflict' END;
      stream_version := look.last; last_position := positions[n]; event_ids := ARRAY[look.stray];
      RETURN NEXT; RETURN;
    END IF;
    status := CASE WHEN st <> 'links' THEN 'not_active'
                   WHEN NOT (p_expected = -1 OR (p_expected = -2 AND v > 0) OR p_expected = v) THEN 'wrong_version'
                   WHEN missing IS NOT NULL THEN 'events_not_found'
                   WHEN p_limit IS NOT NULL AND v - first + 1 + n > p_limit THEN 'limit_reached'
                   ELSE 'stored' END;
    IF status <> 'stored' THEN
      stream_version := v; state := st::text; live := v - first + 1; event_ids := missing;
      RETURN NEXT; RETURN;
    END IF;
    EXIT WHEN k IS NOT NULL;

    SELECT category_key INTO c FROM categories WHERE name = p_category;
    IF c IS NULL THEN
      INSERT INTO categories (name) VALUES (p_category) ON CONFLICT DO NOTHING;
      SELECT category_key INTO c FROM categories WHERE name = p_category;
    END IF;
    INSERT INTO streams (tenant_key, stream_id, category_key, version, state) VALUES (t, p_stream, c, 0, 'links')
    ON CONFLICT DO NOTHING RETURNING stream_key INTO k;
    EXIT WHEN k IS NOT NULL;
    -- Another writer created it meanwhile: decide again under its row lock.
  END LOOP;

  UPDATE streams SET version = v + n WHERE tenant_key = t AND stream_key = k;
  INSERT INTO links (tenant_key, stream_key, version, position)
  SELECT t, k, v + u.ord, u.at FROM unnest(positions) WITH ORDINALITY u (at, ord);
  stream_version := v + n; last_position := positions[n];
  RETURN NEXT;
END $$;

REVOKE ALL ON TABLE event_store.links FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.change_stream, event_store.remove_truncated, event_store.link_events FROM PUBLIC;
