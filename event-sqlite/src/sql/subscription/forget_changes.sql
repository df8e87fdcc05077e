-- Forget the changes of a subscription, all but the latest.
-- ?1 tenant or '' · ?2 name · ?3 how many to keep
DELETE FROM subscription_changes WHERE tenant = ?1 AND name = ?2
  AND number <= (SELECT max(c.number) FROM subscription_changes c WHERE c.tenant = ?1 AND c.name = ?2) - ?3
