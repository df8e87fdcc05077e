-- Records which versions of which event types are about to be stored; migrations/0002_append.sql describes the function.
-- $1 types · $2 versions, one element per pair, sorted
SELECT event_store.record_event_versions($1, $2)
