-- Delete all documents of a build.
-- ?1 name · ?2 build
DELETE FROM documents
WHERE build_key = (SELECT p.build_key FROM projections p WHERE p.name = ?1 AND p.build = ?2)
