-- The highest position ever assigned; its event may have been removed.
SELECT coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0)
