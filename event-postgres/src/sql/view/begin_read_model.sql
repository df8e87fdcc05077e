-- Registers a build of a read model; migrations/0018_read_models.sql describes the functions.
-- $1 name · $2 build · $3 kind · $4 version · $5 filter
SELECT event_store.begin_read_model($1, $2, $3, $4, $5) AS is_new
