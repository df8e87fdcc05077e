-- Keeps the frontier for processes that start later; migrations/0022_frontier_proof.sql describes the function. No commit waits for the disk:
-- what is lost is proved again.
-- Answer: is_all, whether all that was visible is final
SELECT set_config('synchronous_commit', 'off', true), event_store.prove_frontier() AS is_all
