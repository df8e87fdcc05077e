-- A subscription that was not there.
-- ?1 tenant or '' · ?2 name · ?3 filter · ?4 parts
INSERT INTO subscriptions (tenant, name, filter, parts) VALUES (?1, ?2, ?3, ?4)
