-- What a subscription had passed at each change.
-- $1 tenant or '' · $2 name
SELECT incarnation, filter, up_to, new_after FROM event_store.passed_at_changes($1, $2)
