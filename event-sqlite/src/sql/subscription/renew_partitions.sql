-- Renew the leases of an owner.
-- ?1 tenant or '' · ?2 name · ?3 owner · ?4 end of the leases
UPDATE subscription_partitions SET lease_until = ?4 WHERE tenant = ?1 AND name = ?2 AND owner = ?3
