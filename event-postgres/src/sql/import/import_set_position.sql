-- The statement that makes positions go on after the kept ones; under the lock of import_lock_events. Unlike setval it is taken back with its
-- transaction, so that a batch that failed can keep its positions when it comes again.
-- $1 the next position
SELECT format('ALTER SEQUENCE event_store.position_seq RESTART WITH %s', $1::bigint) AS statement
