-- The last position there is. Writers take turns: no later commit gets in front of it.
SELECT coalesce(max(position), 0) AS head FROM events
