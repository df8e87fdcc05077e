-- Sets the schema that unqualified names refer to, for this transaction.
-- $1 schema, quoted
SELECT set_config('search_path', $1, true)
