-- Insert a tenant with its first stream.
-- ?1 tenant
INSERT INTO tenants (name) VALUES (?1) RETURNING tenant_key
