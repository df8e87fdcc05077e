-- Insert an empty stream of links. Its tenant and category exist.
-- ?1 tenant · ?2 stream · ?3 category · ?4 time
INSERT INTO streams (tenant_key, stream_id, category_key, version, state, created_at)
SELECT t.tenant_key, ?2, c.category_key, 0, 'links', ?4 FROM tenants t CROSS JOIN categories c ON c.name = ?3 WHERE t.name = ?1
RETURNING stream_key
