-- Creates a subscription unless it exists; migrations/0004_subscriptions.sql describes the functions.
-- $1 tenant or '' · $2 name · $3 filter · $4 partitions · $5 checkpoint to start with
SELECT filter, partitions FROM event_store.register_subscription($1, $2, $3, $4, $5)
