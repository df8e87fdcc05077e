-- Whose file this is: the id of its program, how many tables it has, whether the record of schema migrations is among them.
SELECT a.application_id, (SELECT count(*) FROM sqlite_schema s WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite%') AS tables,
       EXISTS (SELECT 1 FROM sqlite_schema s WHERE s.type = 'table' AND s.name = 'schema_migrations') AS has_history
FROM pragma_application_id a
