-- Some documents of a build.
-- $1 name · $2 build · $3 tenants · $4 keys
SELECT d.tenant, d.key, d.document
FROM event_store.projections p
JOIN unnest($3::text[], $4::text[]) AS w (tenant, key) ON true
JOIN event_store.documents d ON d.build_key = p.build_key AND d.tenant = w.tenant AND d.key = w.key
WHERE p.name = $1 AND p.build = $2
