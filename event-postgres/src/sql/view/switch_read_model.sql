-- Makes a build of a read model the current one.
-- $1 name · $2 build
SELECT event_store.switch_read_model($1, $2) AS status
