-- Removes a parked event.
-- $1 tenant or '' · $2 name · $3 partition · $4 token · $5 position
SELECT event_store.unpark_event($1, $2, $3, $4, $5) AS answer
