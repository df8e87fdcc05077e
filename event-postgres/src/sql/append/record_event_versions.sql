-- Write down which versions of which event types are about to be stored; the function's legend is in migrations/0008_event_versions.sql.
-- $1 types · $2 versions, one element a pair, sorted
SELECT event_store.record_event_versions($1, $2)
