-- An owner's leases go on.
-- ?1 tenant or '' · ?2 name · ?3 owner · ?4 until when
UPDATE subscription_parts SET lease_until = ?4 WHERE tenant = ?1 AND name = ?2 AND owner = ?3
