-- Delete a stream; the function's legend is in migrations/0005_delete_stream.sql.
-- $1 tenant · $2 stream · $3 expected · $4 state: 2 soft, 3 hard
SELECT status, stream_version, state FROM event_store.delete_stream($1, $2, $3, $4)
