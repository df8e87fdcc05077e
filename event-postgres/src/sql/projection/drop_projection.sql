-- Forget a build of a projection; the legend is in migrations/0017_drop_projection.sql.
-- $1 name · $2 build
SELECT event_store.drop_projection($1, $2) AS status
