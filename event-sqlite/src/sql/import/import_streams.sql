-- Insert the streams of an import, or update existing ones. Their tenants and categories exist.
-- ?1 JSON array of [tenant, stream, category, version, first version, state, time of creation]
INSERT INTO streams (tenant_key, stream_id, category_key, version, first_version, state, created_at)
SELECT t.tenant_key, j.value ->> 1, c.category_key, j.value ->> 3, j.value ->> 4, j.value ->> 5, j.value ->> 6
FROM json_each(?1) j
CROSS JOIN tenants t ON t.name = j.value ->> 0
CROSS JOIN categories c ON c.name = j.value ->> 2
WHERE true
ON CONFLICT (tenant_key, stream_id) DO UPDATE SET version = excluded.version, first_version = excluded.first_version, state = excluded.state
