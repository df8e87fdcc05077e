-- The tenants and names of streams.
-- ?1 JSON array of stream keys
SELECT s.stream_key, t.name AS tenant, s.stream_id
FROM json_each(?1) j
CROSS JOIN streams s ON s.stream_key = j.value
CROSS JOIN tenants t ON t.tenant_key = s.tenant_key
