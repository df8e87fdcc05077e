-- Insert a build of a projection, unless it exists. The first build of a name becomes the current one.
-- ?1 name · ?2 build · ?3 prefix · ?4 filter
INSERT INTO projections (name, build, prefix, filter, is_current)
VALUES (?1, ?2, ?3, ?4, NOT EXISTS (SELECT 1 FROM projections p WHERE p.name = ?1 AND p.is_current))
ON CONFLICT (name, build) DO NOTHING
