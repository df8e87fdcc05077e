-- Keeps the frontier for processes that start later; migrations/0016_frontier.sql describes the function. No commit waits for the disk: what is
-- lost is proved again.
-- $1 when the server of the proof started · $2 position · $3 position and $4 id of the last visible event · $5 position and $6 transaction of
-- the oldest fence
SELECT set_config('synchronous_commit', 'off', true), event_store.keep_frontier($1, $2, $3, $4, $5, $6)
