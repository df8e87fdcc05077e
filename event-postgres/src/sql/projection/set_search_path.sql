-- The schema that the statements of this transaction see.
-- $1 schema, quoted
SELECT set_config('search_path', $1, true)
