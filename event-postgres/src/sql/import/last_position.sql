-- The highest position that was ever drawn.
SELECT CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END AS last_position FROM event_store.position_seq q
