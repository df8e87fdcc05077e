-- Creates the tenants of an import that are missing, in order.
-- $1 names
INSERT INTO event_store.tenants (name)
SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest($1::text[]) u (name)
                    WHERE NOT EXISTS (SELECT FROM event_store.tenants t WHERE t.name = u.name) ORDER BY 1) z
ON CONFLICT DO NOTHING
