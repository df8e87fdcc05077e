-- The tenants that have a stream of this name: one index look-up for each tenant.
-- ?1 stream
SELECT t.name AS tenant FROM tenants t
WHERE EXISTS (SELECT 1 FROM streams s WHERE s.tenant_key = t.tenant_key AND s.stream_id = ?1)
ORDER BY t.name
