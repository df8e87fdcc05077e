-- Registers a build of a projection; migrations/0006_projections.sql describes the functions.
-- $1 name · $2 build · $3 schema · $4 filter
SELECT event_store.begin_projection($1, $2, $3, $4) AS is_new
