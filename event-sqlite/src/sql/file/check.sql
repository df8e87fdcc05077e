-- Check the whole file: one row `ok`, or up to 100 rows with one fault each.
PRAGMA integrity_check(100)
