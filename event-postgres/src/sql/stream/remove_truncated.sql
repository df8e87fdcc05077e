-- Removes events and links that a truncation has hidden.
-- $1 tenant · $2 stream · $3 how many at most
SELECT event_store.remove_truncated($1, $2, $3) AS removed
