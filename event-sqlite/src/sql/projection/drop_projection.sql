-- Delete a build of a projection.
-- ?1 name · ?2 build
DELETE FROM projections WHERE name = ?1 AND build = ?2
