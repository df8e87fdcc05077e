-- Some documents of a build.
-- ?1 name · ?2 build · ?3 [tenant, key] of each, as JSON
SELECT d.tenant, d.key, d.document
FROM projections p
CROSS JOIN json_each(?3) k
CROSS JOIN documents d ON d.build_key = p.build_key AND d.tenant = k.value ->> 0 AND d.key = k.value ->> 1
WHERE p.name = ?1 AND p.build = ?2
