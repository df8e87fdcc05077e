-- Removes the row of a build of a read model, and its documents.
-- $1 name · $2 build
SELECT event_store.drop_read_model($1, $2) AS status
