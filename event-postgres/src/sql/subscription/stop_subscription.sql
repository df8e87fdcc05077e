-- Records why the last consumer stopped.
-- $1 tenant or '' · $2 name · $3 incarnation · $4 text or null
SELECT event_store.stop_subscription($1, $2, $3, $4) AS incarnation
