-- Owners that did not show up in time.
-- ?1 tenant or '' · ?2 name · ?3 now · ?4 later than any lease ends
DELETE FROM subscription_members WHERE tenant = ?1 AND name = ?2 AND (seen_until <= ?3 OR seen_until > ?4)
