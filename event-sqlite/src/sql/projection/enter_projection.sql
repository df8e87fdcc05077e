-- Make a build of a projection the current one.
-- ?1 name · ?2 build
UPDATE projections SET is_current = TRUE WHERE name = ?1 AND build = ?2
