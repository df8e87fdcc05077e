-- A subscription, the number of its parked events that wait for a replay (1 000 at most), and the time.
-- ?1 tenant or '' · ?2 name
SELECT s.filter, s.partitions, s.incarnation, s.paused, CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now,
       (SELECT count(*) FROM (SELECT 1 FROM parked_events k WHERE k.tenant = s.tenant AND k.name = s.name AND k.replay LIMIT 1000)) AS replays
FROM subscriptions s WHERE s.tenant = ?1 AND s.name = ?2
