-- Releases partitions.
-- $1 tenant or '' · $2 name · $3 owner · $4 partitions or null for all · $5 their tokens
SELECT event_store.release_partitions($1, $2, $3, $4, $5) AS answer
