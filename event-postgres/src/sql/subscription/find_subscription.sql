-- What is registered.
-- $1 tenant or '' · $2 name
SELECT s.filter, s.partitions, s.incarnation FROM event_store.subscriptions s WHERE s.tenant = $1 AND s.name = $2
