-- The highest position that was ever drawn, for any role that may use the store.
SELECT event_store.last_position() AS last_position
