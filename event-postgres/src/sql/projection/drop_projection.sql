-- Removes the row of a build.
-- $1 name · $2 build
SELECT event_store.drop_projection($1, $2) AS status
