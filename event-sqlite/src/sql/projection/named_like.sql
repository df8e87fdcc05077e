-- Anything in the file whose name starts with a prefix.
-- ?1 prefix, as a GLOB pattern
SELECT s.name FROM sqlite_schema s WHERE s.name GLOB ?1 LIMIT 1
