-- Create a subscription unless there is one; the functions' legends are in migrations/0011_consume.sql.
-- $1 tenant or '' · $2 name · $3 filter · $4 parts · $5 start after
SELECT filter, parts FROM event_store.register_subscription($1, $2, $3, $4, $5)
