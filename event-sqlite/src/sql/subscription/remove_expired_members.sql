-- Remove consumers whose heartbeat is overdue, and those recorded before the clock was set back.
-- ?1 tenant or '' · ?2 name · ?3 now · ?4 the latest time a lease can end
DELETE FROM subscription_members WHERE tenant = ?1 AND name = ?2 AND (seen_until <= ?3 OR seen_until > ?4)
