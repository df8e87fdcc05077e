-- An owner takes parts that nobody holds, or whose lease ended.
-- ?1 tenant or '' · ?2 name · ?3 owner · ?4 until when · ?5 now · ?6 how many at most · ?7 later than any lease ends
UPDATE subscription_parts SET owner = ?3, lease_until = ?4, token = token + 1
WHERE tenant = ?1 AND name = ?2 AND part IN (
  SELECT f.part FROM subscription_parts f
  WHERE f.tenant = ?1 AND f.name = ?2 AND f.owner IS NOT ?3 AND (f.owner IS NULL OR f.lease_until <= ?5 OR f.lease_until > ?7)
  ORDER BY f.part LIMIT ?6)
