-- Append for several writers at once; the function's legend is in migrations/0006_append_group.sql.
-- $1 tenants · $2 streams · $3 categories · $4 expected · $5 events per request · $6 limits · $7 request of each event
-- · $8 ids · $9 types · $10 versions · $11 data · $12 metadata
SELECT req, stream_version, last_position
FROM event_store.append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
