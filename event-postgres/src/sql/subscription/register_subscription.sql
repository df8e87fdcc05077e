-- Creates a subscription unless it exists; migrations/0004_subscriptions.sql and 0011_incarnations.sql describe the functions.
-- $1 tenant or '' · $2 name · $3 filter · $4 partitions · $5 checkpoint to start with
SELECT filter, partitions, incarnation FROM event_store.open_subscription($1, $2, $3, $4, $5)
