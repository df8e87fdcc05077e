-- What the server is like, and whether the settings of the session arrived.
SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
       current_setting('synchronous_commit') <> 'off' AS synchronous, coalesce(current_setting('events.all_tenants', true), '') = 'on' AS has_settings
