-- The server's version and role, and whether the settings of the session reached it.
SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
       current_setting('synchronous_commit') <> 'off' AS synchronous, coalesce(current_setting('events.all_tenants', true), '') = 'on' AS has_settings
