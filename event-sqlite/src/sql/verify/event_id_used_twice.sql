-- Event ids of several events of a tenant.
WITH bad AS (
  SELECT 'event id ' || hex(event_id) || ' of ' || count(*) || ' events' AS place
  FROM events NOT INDEXED GROUP BY tenant_key, event_id HAVING count(*) > 1
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
