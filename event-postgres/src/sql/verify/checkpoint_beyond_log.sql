-- Checkpoints of subscriptions and projections, and parked events, at positions that were never assigned, or of another event than the log has there.
WITH assigned AS (
  SELECT event_store.last_assigned() AS last
), bad AS (
  SELECT 'subscription "' || p.name || '", partition ' || p.partition || ' at position ' || p.position AS place FROM event_store.subscription_partitions p
  WHERE p.position > (SELECT a.last FROM assigned a) OR p.position < 0 OR p.event_position > (SELECT a.last FROM assigned a)
    OR EXISTS (SELECT 1 FROM event_store.events e WHERE e.position = p.event_position AND e.event_id <> p.event_id)
  UNION ALL
  SELECT 'projection "' || j.name || '", build ' || j.build || ' at position ' || j.position FROM event_store.projections j
  WHERE j.position > (SELECT a.last FROM assigned a) OR j.position < 0 OR j.event_position > (SELECT a.last FROM assigned a)
    OR EXISTS (SELECT 1 FROM event_store.events e WHERE e.position = j.event_position AND e.event_id <> j.event_id)
  UNION ALL
  SELECT 'parked event of subscription "' || k.name || '" at position ' || k.position FROM event_store.parked_events k
  WHERE k.position > (SELECT a.last FROM assigned a) OR k.position < 1
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
