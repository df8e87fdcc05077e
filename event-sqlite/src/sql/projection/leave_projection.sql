-- No build of a projection is the current one.
-- ?1 name
UPDATE projections SET is_current = 0 WHERE name = ?1 AND is_current = 1
