-- A category, unless it is there.
-- ?1 category
INSERT INTO categories (name) VALUES (?1) ON CONFLICT DO NOTHING
