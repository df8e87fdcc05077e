-- The id of the file.
SELECT id FROM store_identity
