-- The incarnation of a subscription; no row if it does not exist.
-- $1 tenant or '' · $2 name
SELECT s.incarnation FROM event_store.subscriptions s WHERE s.tenant = $1 AND s.name = $2
