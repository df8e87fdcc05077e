-- An owner shows up, renews and takes leases.
-- $1 tenant or '' · $2 name · $3 owner · $4 milliseconds
SELECT parts, members, paused, replays, part, token, at_position, event_position, event_id
FROM event_store.attend_subscription($1, $2, $3, $4)
