-- Something in the file whose name begins so.
-- ?1 prefix, as a pattern of GLOB
SELECT s.name FROM sqlite_schema s WHERE s.name GLOB ?1 LIMIT 1
