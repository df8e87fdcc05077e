-- Insert a new subscription.
-- ?1 tenant or '' · ?2 name · ?3 filter · ?4 number of partitions
INSERT INTO subscriptions (tenant, name, filter, partitions, incarnation) VALUES (?1, ?2, ?3, ?4, random() & 0xfffffffffffffff)
