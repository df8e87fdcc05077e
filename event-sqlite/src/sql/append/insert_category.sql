-- Insert a category with its first stream.
-- ?1 category
INSERT INTO categories (name) VALUES (?1) RETURNING category_key
