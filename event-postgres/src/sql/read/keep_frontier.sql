-- Keeps the frontier for processes that start later; migrations/0022_frontier_proof.sql describes the function. No commit waits for the disk:
-- what is lost is proved again.
-- Answer: is_all, whether all that was visible is final · started, when the server started · highest and highest_id, the last visible event
SELECT set_config('synchronous_commit', 'off', true), event_store.prove_frontier() AS is_all, pg_postmaster_start_time() AS started,
       m.position AS highest, m.event_id AS highest_id
FROM (SELECT 1) one LEFT JOIN (SELECT e.position, e.event_id FROM event_store.events e ORDER BY e.position DESC LIMIT 1) m ON true
