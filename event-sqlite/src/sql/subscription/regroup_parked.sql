-- Give the parked events to the partitions of another number of them.
-- ?1 tenant or '' · ?2 name · ?3 number of partitions
UPDATE parked_events SET partition = partition % ?3 WHERE tenant = ?1 AND name = ?2
