-- Builds the statements that let a role use the store through its functions, without write access to its tables.
-- $1 role, which must exist · $2 schema · $3 whether it also gets what only an administrator needs; one row per statement, in order
SELECT g.statement
FROM (
  SELECT 1 AS step, format('GRANT USAGE ON SCHEMA %I TO %I', $2, $1) AS statement
  UNION ALL
  SELECT 2, format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', $2, $1)
  UNION ALL
  SELECT 3, format('GRANT EXECUTE ON FUNCTION %I.%I(%s) TO %I', $2, p.proname, pg_get_function_identity_arguments(p.oid), $1)
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = $2 AND ($3 OR p.proname NOT IN ('switch_projection', 'drop_projection', 'repair_sequences'))
) g
ORDER BY g.step
