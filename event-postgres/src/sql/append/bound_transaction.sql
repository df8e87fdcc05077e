-- Bounds how long the caller's transaction may wait for its program from here on; a lower bound of the caller's stays.
-- $1 milliseconds
SELECT set_config('idle_in_transaction_session_timeout', $1::text, true)
WHERE extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval) * 1000 NOT BETWEEN 1 AND $1
