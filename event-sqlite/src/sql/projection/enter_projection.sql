-- Make a build of a projection the current one.
-- ?1 name · ?2 build
UPDATE projections SET is_current = 1 WHERE name = ?1 AND build = ?2
