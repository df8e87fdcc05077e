-- The position of the last event. Writers take turns, so no later commit stores an event before it.
SELECT coalesce(max(position), 0) AS head FROM events
