-- One process at a time migrates a schema; the lock ends with the transaction.
-- $1 schema
SELECT set_config('lock_timeout', '60s', true), set_config('statement_timeout', '0', true), pg_advisory_xact_lock(hashtextextended('event-postgres schema migrations', hashtext($1::text)))
