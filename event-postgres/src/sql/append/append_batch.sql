-- Appends for several writers at once; migrations/0002_append.sql describes the function.
-- $1 tenants · $2 streams · $3 categories · $4 expected versions · $5 events per request · $6 limits · $7 request of each event
-- · $8 index of each event in its request · $9 ids · $10 types · $11 event versions · $12 data · $13 metadata
-- · $14 when the server started: no row, and nothing is done, on another one
SELECT versions, positions, NULL::text[] AS refused, NULL::text[] AS states, NULL::bigint[] AS lives
FROM event_store.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
WHERE pg_postmaster_start_time() = $14
