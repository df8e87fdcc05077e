-- Archive, delete or truncate a stream; the function's legend is in migrations/0007_change_stream.sql.
-- $1 tenant · $2 stream · $3 expected · $4 state or null: 1 archived, 2 soft, 3 hard · $5 first version to keep, or null
SELECT status, stream_version, state FROM event_store.change_stream($1, $2, $3, $4, $5)
