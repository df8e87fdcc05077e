-- Read models with one definition for every backend. What a build of one holds: the documents of a view ('view'), tables that are written
-- once for every backend ('tables'), or tables of this backend only ('own', which programs before this migration write), and the version
-- that its author gives the definition.
ALTER TABLE event_store.projections
  ADD COLUMN kind text NOT NULL DEFAULT 'own' CHECK (kind IN ('own', 'view', 'tables')),
  ADD COLUMN version int NOT NULL DEFAULT 0,
  ADD COLUMN build_key bigint;             -- short, and never used twice at a time; the documents of the build have it
CREATE UNIQUE INDEX projections_build_key ON event_store.projections (build_key);

-- The documents of views. Each is folded from the events of one tenant.
-- fillfactor: a document is updated again and again, and each page keeps space for the new versions.
CREATE TABLE event_store.documents (
  build_key bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  document text NOT NULL,
  PRIMARY KEY (build_key, tenant, key)
) WITH (fillfactor = 80);

ALTER TABLE event_store.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON event_store.documents FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT nullif(current_setting('events.tenant', true), '')));

-- Registers a build, unless its number is taken. It is not the current one.
--   p_kind     'view' or 'tables'
--   p_version  the version of its definition
--   p_filter   the events it is folded from, as text
-- Answer: whether it is new.
CREATE FUNCTION event_store.begin_read_model(p_name text, p_build int, p_kind text, p_version int, p_filter text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM check_projection(p_name, p_build);
  IF (p_kind IN ('view', 'tables') AND p_version >= 0 AND length(p_filter) <= 100000) IS NOT TRUE THEN
    RAISE EXCEPTION 'a read model is a view or tables, with a version and the text of a filter' USING ERRCODE = '22023';
  END IF;
  -- Programs that begin builds take turns: each key is one more than the highest.
  PERFORM pg_advisory_xact_lock(hashtextextended('event_store.projections', 0));
  INSERT INTO projections (name, build, schema_name, filter, kind, version, build_key)
  SELECT p_name, p_build, p_name || '_' || p_build, p_filter, p_kind, p_version, 1 + coalesce(max(build_key), 0) FROM projections
  ON CONFLICT (name, build) DO NOTHING;
  RETURN FOUND;
END $$;

-- Moves the checkpoint of a build of a view as move_projection does, and writes documents.
--   p_tenants, p_keys, p_documents  each document once; null removes it
-- Answer: whether the checkpoint was p_from; otherwise nothing was changed.
CREATE FUNCTION event_store.write_documents(
  p_name text, p_build int, p_from bigint, p_to bigint, p_events bigint, p_event_id uuid, p_event_position bigint, p_event_at timestamptz,
  p_tenants text[], p_keys text[], p_documents text[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE own bigint;
BEGIN
  IF (cardinality(p_tenants) = cardinality(p_keys) AND cardinality(p_keys) = cardinality(p_documents)) IS NOT TRUE THEN
    RAISE EXCEPTION 'each document has a tenant, a key and a text or null' USING ERRCODE = '22023';
  END IF;
  IF NOT move_projection(p_name, p_build, p_from, p_to, p_events, p_event_id, p_event_position, p_event_at) THEN
    RETURN false;
  END IF;
  SELECT build_key INTO own FROM projections WHERE name = p_name AND build = p_build AND kind = 'view';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'only a view has documents' USING ERRCODE = '22023';
  END IF;
  INSERT INTO documents AS d (build_key, tenant, key, document)
  SELECT own, w.tenant, w.key, w.document
  FROM unnest(p_tenants, p_keys, p_documents) AS w (tenant, key, document)
  WHERE w.document IS NOT NULL
  ON CONFLICT (build_key, tenant, key) DO UPDATE SET document = EXCLUDED.document;
  IF array_position(p_documents, NULL) IS NOT NULL THEN
    DELETE FROM documents d
    USING unnest(p_tenants, p_keys, p_documents) AS w (tenant, key, document)
    WHERE d.build_key = own AND d.tenant = w.tenant AND d.key = w.key AND w.document IS NULL;
  END IF;
  RETURN true;
END $$;

-- Makes a build of a read model the current one, as switch_projection does. A program that runs the read model may do it.
-- Answer: as switch_projection; 'not_found' also for a projection of this backend only
CREATE FUNCTION event_store.switch_read_model(p_name text, p_build int)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
BEGIN
  PERFORM check_projection(p_name, p_build);
  IF EXISTS (SELECT FROM projections WHERE name = p_name AND kind = 'own') THEN
    RETURN 'not_found';
  END IF;
  RETURN switch_projection(p_name, p_build);
END $$;

-- Removes the row of a build of a read model, and its documents. Tables are dropped by the role that owns them, in the same transaction.
-- Answer: as drop_projection; 'not_found' also for a projection of this backend only
CREATE FUNCTION event_store.drop_read_model(p_name text, p_build int)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_store, pg_temp AS $$
DECLARE own bigint; answer text;
BEGIN
  PERFORM check_projection(p_name, p_build);
  SELECT build_key INTO own FROM projections WHERE name = p_name AND build = p_build AND kind <> 'own';
  IF NOT FOUND THEN
    RETURN 'not_found';
  END IF;
  answer := drop_projection(p_name, p_build);
  IF answer = 'dropped' THEN
    DELETE FROM documents WHERE build_key = own;
  END IF;
  RETURN answer;
END $$;

REVOKE ALL ON event_store.documents FROM PUBLIC;
REVOKE ALL ON FUNCTION event_store.begin_read_model, event_store.write_documents, event_store.switch_read_model, event_store.drop_read_model
  FROM PUBLIC;
