-- One process at a time grants rights, and none while a schema is migrated; the lock ends with the transaction.
-- $1 schema
SELECT pg_advisory_xact_lock(hashtextextended('event-postgres schema migrations', hashtext($1::text)))
