-- Delete some documents of a build.
-- ?1 build key · ?2 [tenant, key] of each, as JSON
DELETE FROM documents
WHERE build_key = ?1 AND (tenant, key) IN (SELECT k.value ->> 0, k.value ->> 1 FROM json_each(?2) k)
