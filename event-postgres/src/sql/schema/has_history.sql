-- Whether the schema exists and has a record of migrations, and the encoding of the database.
-- $1 schema
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relname = 'schema_migrations') AS has_history,
       EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = $1) AS has_schema,
       current_setting('server_encoding') AS encoding
