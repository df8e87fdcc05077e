-- Event ids of several events of a tenant.
WITH bad AS (
  SELECT 'event id ' || event_id || ' of ' || count(*) || ' events' AS place
  FROM event_store.events GROUP BY tenant_key, event_id HAVING count(*) > 1
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
