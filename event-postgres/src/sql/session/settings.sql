-- The settings of the server that cost safety or speed, by name.
SELECT s.name, s.setting
FROM pg_catalog.pg_settings s
WHERE s.name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'autovacuum', 'data_checksums', 'max_connections',
                 'default_transaction_read_only', 'track_activities')
ORDER BY s.name
