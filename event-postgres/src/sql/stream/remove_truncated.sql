-- Remove events that a truncation put out of sight.
-- $1 tenant · $2 stream · $3 how many at most
SELECT event_store.remove_truncated($1, $2, $3) AS removed
