-- Builds the statements that let roles read and write the tables of builds. A schema counts as that of a build by the mark that its owner
-- gave it, never by its name alone.
-- $1 the store's schema · $2 a role, or null for all that may run projections of this store · $3 schema of a build, or null for all
-- One row per statement, in order, as far as this role may grant. The owner of the store may grant it on.
WITH roles AS (
  SELECT r.oid, r.rolname, false AS is_owner FROM pg_catalog.pg_roles r WHERE r.rolname = $2
  UNION
  SELECT r.oid, r.rolname, r.oid = n.nspowner
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = 'move_projection'
  CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE n.nspname = $1 AND $2 IS NULL AND a.privilege_type = 'EXECUTE'
), builds AS (
  SELECT n.nspname, n.nspowner
  FROM event_store.projections b JOIN pg_catalog.pg_namespace n ON n.nspname = b.name || '_' || b.build
  WHERE obj_description(n.oid, 'pg_namespace') = $1 || ': projection ' || b.name || ', build ' || b.build
    AND ($3 IS NULL OR n.nspname = $3) AND has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION')
)
SELECT format(g.statement, b.nspname, r.rolname, CASE WHEN r.is_owner THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
FROM roles r
JOIN builds b ON b.nspowner <> r.oid
CROSS JOIN (VALUES
  (1, false, 'GRANT USAGE ON SCHEMA %1$I TO %2$I%3$s'),
  (2, false, 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I TO %2$I%3$s'),
  (3, false, 'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I%3$s'),
  (4, false, 'GRANT EXECUTE ON ALL ROUTINES IN SCHEMA %1$I TO %2$I%3$s'),
  (5, true, 'ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %2$I%3$s'),
  (6, true, 'ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I GRANT USAGE, SELECT ON SEQUENCES TO %2$I%3$s')
) g (step, is_default, statement)
-- The default is that of what the granting role creates later.
WHERE NOT g.is_default OR b.nspowner = (SELECT u.oid FROM pg_catalog.pg_roles u WHERE u.rolname = current_user)
ORDER BY b.nspname, r.rolname, g.step
