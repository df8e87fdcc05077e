-- Whether a subscription exists.
-- $1 tenant or '' · $2 name
SELECT EXISTS (SELECT FROM event_store.subscriptions s WHERE s.tenant = $1 AND s.name = $2) AS answer
