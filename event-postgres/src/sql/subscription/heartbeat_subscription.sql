-- The heartbeat of an owner: renews its leases and takes free partitions.
-- $1 tenant or '' · $2 name · $3 incarnation · $4 owner · $5 lease in milliseconds
SELECT incarnation, partitions, members, rank, paused, replays, partition, token, renewed, at_position, event_position, event_id
FROM event_store.renew_leases($1, $2, $3, $4, $5)
