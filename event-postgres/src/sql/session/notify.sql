-- Wakes the readers of other processes. A notification that a server crash loses is made up for by their polling.
-- $1 channel · $2 position, as text
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)
