-- How much is left of what a server has only so much of, and the tables of the store that a crash empties.
SELECT (SELECT sum(s.numbackends) FROM pg_catalog.pg_stat_database s)::int8 AS connections,
       (current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8) AS connections_most,
       pg_catalog.age(d.datfrozenxid)::int8 AS oldest_transaction,
       current_setting('autovacuum_freeze_max_age')::int8 AS oldest_transaction_most,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class c
             WHERE c.relnamespace = pg_catalog.to_regnamespace('event_store') AND c.relkind = 'r' AND c.relpersistence = 'u'
             ORDER BY c.relname) AS unlogged
FROM pg_catalog.pg_database d
WHERE d.datname = current_database()
