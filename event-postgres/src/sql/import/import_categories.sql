-- Creates the categories of an import that are missing, in order.
-- $1 names
INSERT INTO event_store.categories (name)
SELECT z.name FROM (SELECT DISTINCT u.name FROM unnest($1::text[]) u (name)
                    WHERE NOT EXISTS (SELECT FROM event_store.categories c WHERE c.name = u.name) ORDER BY 1) z
ON CONFLICT DO NOTHING
