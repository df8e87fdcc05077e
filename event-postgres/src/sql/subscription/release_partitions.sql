-- Releases partitions.
-- $1 tenant or '' · $2 name · $3 incarnation · $4 owner · $5 partitions or null for all · $6 their tokens
SELECT event_store.release_leases($1, $2, $3, $4, $5, $6) AS incarnation
