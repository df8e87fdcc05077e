-- Wake the readers of other processes; what is lost with a crash of the server is found by their polls.
-- $1 channel · $2 position, as text
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)
