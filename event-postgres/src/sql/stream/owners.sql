-- The tenants that have a stream of this name: one index lookup per tenant.
-- $1 stream
SELECT t.name AS tenant FROM event_store.tenants t
WHERE EXISTS (SELECT FROM event_store.streams s WHERE s.tenant_key = t.tenant_key AND s.stream_id = $1)
ORDER BY t.name
