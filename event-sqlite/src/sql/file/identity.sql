-- What kind of file this is: the id of the program that made it, the number of tables, and whether it has a history of schema migrations.
SELECT a.application_id, (SELECT count(*) FROM sqlite_schema s WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite%') AS tables,
       EXISTS (SELECT 1 FROM sqlite_schema s WHERE s.type = 'table' AND s.name = 'schema_migrations') AS has_history
FROM pragma_application_id a
