-- Builds the statements that let a role use the store through its functions, without write access to its tables.
-- $1 role, which must exist · $2 schema; one row per statement, to be run in order
SELECT format(g.statement, quote_ident($2), quote_ident($1)) AS statement
FROM (VALUES
  (1, 'GRANT USAGE ON SCHEMA %1$s TO %2$s'),
  (2, 'GRANT SELECT ON ALL TABLES IN SCHEMA %1$s TO %2$s'),
  (3, 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %1$s TO %2$s')
) g (step, statement)
ORDER BY g.step
