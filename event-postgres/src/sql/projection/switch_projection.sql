-- Makes a build of a projection the current one.
-- $1 name · $2 build
SELECT event_store.switch_projection($1, $2) AS status
