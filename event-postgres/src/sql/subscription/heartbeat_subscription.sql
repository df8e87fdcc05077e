-- The heartbeat of an owner: renews its leases and takes free partitions.
-- $1 tenant or '' · $2 name · $3 owner · $4 lease in milliseconds
SELECT partitions, members, paused, replays, partition, token, at_position, event_position, event_id
FROM event_store.heartbeat_subscription($1, $2, $3, $4)
