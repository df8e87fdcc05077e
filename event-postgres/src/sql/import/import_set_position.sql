-- Builds the statement that makes positions continue after the kept ones; run under the lock of import_lock_events. Unlike setval it is
-- rolled back with its transaction, so that a batch that failed can keep its positions when it is sent again.
-- $1 the next position
SELECT format('ALTER SEQUENCE event_store.position_seq RESTART WITH %s', $1::bigint) AS statement
