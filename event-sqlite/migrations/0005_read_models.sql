-- What a build of a read model holds: the documents of a view ('view'), tables that are written once for every backend ('tables'), or
-- tables of this backend only ('own'), and the version that its author gives the definition.
ALTER TABLE projections ADD COLUMN kind TEXT NOT NULL DEFAULT 'own' CHECK (kind IN ('own', 'view', 'tables'));
ALTER TABLE projections ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
-- Short, and never used twice at a time: the documents of the build have it. Builds of kind 'own' have none.
ALTER TABLE projections ADD COLUMN build_key INTEGER;
CREATE UNIQUE INDEX projections_build_key ON projections (build_key) WHERE build_key IS NOT NULL;

-- The documents of views. Each is folded from the events of one tenant.
CREATE TABLE documents (
  build_key INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (build_key, tenant, key)
) STRICT, WITHOUT ROWID;
