-- The current build of a read model, locked until the end of the transaction.
-- $1 name
SELECT build, kind, version, filter, position, event_id, event_position, event_at, events, is_current
FROM event_store.lock_current_build($1)
