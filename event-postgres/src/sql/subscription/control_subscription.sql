-- Pauses, resumes, resets, stops or deletes a subscription.
-- $1 tenant or '' · $2 name · $3 what · $4 position or null · $5 text or null
SELECT event_store.control_subscription($1, $2, $3, $4, $5) AS answer
