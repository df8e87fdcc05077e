-- The highest position that was ever used.
SELECT coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0)
