-- Insert categories, except those that exist.
-- ?1 JSON array of names
INSERT INTO categories (name) SELECT j.value FROM json_each(?1) j WHERE true ON CONFLICT DO NOTHING
