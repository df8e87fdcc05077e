-- The highest position that was ever assigned.
SELECT event_store.last_assigned() AS last_assigned
