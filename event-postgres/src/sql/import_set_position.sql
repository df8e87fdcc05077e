-- Positions go on after the kept ones; under the lock of import_lock_events, before they are written.
-- $1 the last of them
SELECT setval('event_store.position_seq', $1)
