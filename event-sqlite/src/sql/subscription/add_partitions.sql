-- Its parts.
-- ?1 tenant or '' · ?2 name · ?3 parts · ?4 position they start after
WITH RECURSIVE numbers (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM numbers WHERE part + 1 < ?3)
INSERT INTO subscription_parts (tenant, name, part, position) SELECT ?1, ?2, part, ?4 FROM numbers
