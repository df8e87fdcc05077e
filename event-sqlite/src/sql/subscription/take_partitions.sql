-- Lease free partitions to an owner: those without an owner, those whose lease expired, and those leased before the clock was set back.
-- ?1 tenant or '' · ?2 name · ?3 owner · ?4 end of the leases · ?5 now · ?6 limit · ?7 the latest time a lease can end
UPDATE subscription_partitions SET owner = ?3, lease_until = ?4, token = token + 1 + (random() & 0x3fffffff)
WHERE tenant = ?1 AND name = ?2 AND partition IN (
  SELECT f.partition FROM subscription_partitions f
  WHERE f.tenant = ?1 AND f.name = ?2 AND f.owner IS NOT ?3 AND (f.owner IS NULL OR f.lease_until <= ?5 OR f.lease_until > ?7)
  ORDER BY f.partition LIMIT ?6)
