-- A sequence may lie behind the rows that it numbered: after a logical replication or a restore of rows alone, which leave sequences behind.
-- It would assign numbers again, or fill gaps that every reader has passed. A store like that does not open until it is repaired.

-- The sequences that are behind their rows, each with the last number that it assigned and the highest one that is stored.
-- Rows are looked at first: whatever is stored then was numbered before, so that a store in use is not mistaken.
CREATE FUNCTION event_store.sequences_behind()
RETURNS TABLE (sequence text, assigned bigint, stored bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE positions bigint; streams_stored bigint; tenants_stored bigint; categories_stored bigint;
BEGIN
  SELECT max(e.position) INTO positions FROM events e;
  -- One look into the key of each tenant: there is no index on stream_key alone.
  SELECT max(k.highest) INTO streams_stored
  FROM tenants t CROSS JOIN LATERAL (SELECT max(s.stream_key) AS highest FROM streams s WHERE s.tenant_key = t.tenant_key) k;
  SELECT max(t.tenant_key) INTO tenants_stored FROM tenants t;
  SELECT max(c.category_key) INTO categories_stored FROM categories c;
  RETURN QUERY
  SELECT s.name, s.assigned, s.stored
  FROM (
    SELECT 'position_seq', CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END, positions FROM position_seq q
    UNION ALL
    SELECT 'streams_stream_key_seq', CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END, streams_stored
    FROM streams_stream_key_seq q
    UNION ALL
    SELECT 'tenants_tenant_key_seq', CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END, tenants_stored
    FROM tenants_tenant_key_seq q
    UNION ALL
    SELECT 'categories_category_key_seq', CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END, categories_stored
    FROM categories_category_key_seq q
  ) s (name, assigned, stored)
  WHERE s.stored > s.assigned;
END $$;

-- Sets the sequences that are behind their rows to the highest stored number; never back. Nobody appends meanwhile.
-- Answer: as sequences_behind, what was repaired.
CREATE FUNCTION event_store.repair_sequences()
RETURNS TABLE (sequence text, assigned bigint, stored bigint)
LANGUAGE plpgsql VOLATILE SET search_path = event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE behind record;
BEGIN
  LOCK TABLE tenants, categories, streams, events IN SHARE ROW EXCLUSIVE MODE;
  FOR behind IN SELECT * FROM sequences_behind() LOOP
    PERFORM setval(format('event_store.%I', behind.sequence)::regclass, behind.stored);
    RETURN QUERY SELECT behind.sequence, behind.assigned, behind.stored;
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION event_store.sequences_behind, event_store.repair_sequences FROM PUBLIC;

-- Whoever may read the last position may ask for this, too.
DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT r.rolname FROM pg_catalog.pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.oid = 'event_store.last_assigned()'::regprocedure AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION event_store.sequences_behind TO %I', grantee);
  END LOOP;
END $$;
