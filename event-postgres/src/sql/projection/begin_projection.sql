-- Enter a build of a projection; the legends of these functions are in migrations/0013_projections.sql.
-- $1 name · $2 build · $3 schema · $4 filter
SELECT event_store.begin_projection($1, $2, $3, $4) AS is_new
