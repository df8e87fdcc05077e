-- Insert a build of a view, unless its number is taken. It is not the current one.
-- ?1 name · ?2 build · ?3 filter · ?4 kind · ?5 version
INSERT INTO projections (name, build, prefix, filter, kind, version, build_key)
SELECT ?1, ?2, '', ?3, ?4, ?5, 1 + coalesce((SELECT max(p.build_key) FROM projections p), 0)
WHERE TRUE
ON CONFLICT (name, build) DO NOTHING
