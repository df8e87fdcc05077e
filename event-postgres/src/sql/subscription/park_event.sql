-- Parks an event.
-- $1 tenant or '' · $2 name · $3 partition · $4 token · $5 position · $6 event id · $7 attempts · $8 error
SELECT event_store.park_event($1, $2, $3, $4, $5, $6, $7, $8) AS answer
