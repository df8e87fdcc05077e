-- What there is of the schema of a build, and whether this role may use it.
-- $1 schema · $2 the mark of the build
SELECT n.oid IS NOT NULL AS is_there, coalesce(obj_description(n.oid, 'pg_namespace') = $2, false) AS is_marked,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS may_use, current_user::text AS role
FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1
