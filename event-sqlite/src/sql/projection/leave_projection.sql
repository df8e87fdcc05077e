-- Make no build of a projection the current one; the next statement makes another one current.
-- ?1 name
UPDATE projections SET is_current = FALSE WHERE name = ?1 AND is_current
