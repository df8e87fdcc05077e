-- Event types and versions that are stored, but not in the census.
WITH bad AS (
  SELECT DISTINCT '`' || e.event_type || '` v' || e.schema_version AS place FROM event_store.events e
  WHERE NOT EXISTS (SELECT 1 FROM event_store.event_versions v WHERE v.event_type = e.event_type AND v.schema_version = e.schema_version)
)
SELECT count(*) OVER () AS found, place::text FROM bad LIMIT 5
