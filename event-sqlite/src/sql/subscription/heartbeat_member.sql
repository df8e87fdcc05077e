-- Record the heartbeat of a consumer.
-- ?1 tenant or '' · ?2 name · ?3 owner · ?4 time until which it counts as alive
INSERT INTO subscription_members (tenant, name, owner, seen_until) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET seen_until = excluded.seen_until
