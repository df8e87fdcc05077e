-- Changes a subscription of one incarnation; the migration `subscription_changes` describes the function.
-- $1 tenant or '' · $2 name · $3 incarnation · $4 filter · $5 partitions · $6 whether events belong to other partitions then ·
-- $7 position after which new events are handled, or null · $8 how many changes to keep
SELECT event_store.change_subscription($1, $2, $3, $4, $5, $6, $7, $8) AS incarnation
