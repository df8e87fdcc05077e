-- Row security. A role that PgAdapter::grant_to admitted sees no row through SQL of its own until it names a tenant, and then only that
-- tenant's rows:
--   SELECT set_config('events.tenant', 'guild-1', true)   for a transaction
--   SET events.tenant = 'guild-1'                          for a session
-- A setting that a transaction made is an empty text afterwards, and '' is the tenant of the operator's subscriptions: it names nobody.
-- The adapter's statements filter by tenant themselves and set events.all_tenants; an operator may set it, too. This guards against a
-- forgotten condition, not against a role that wants to see other tenants: it can change either setting.
-- Row security does not apply to the owner of the tables, and only the functions write. Each setting is looked up once per statement, not
-- once per row.
ALTER TABLE event_store.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.streams ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.links ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.subscription_partitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.subscription_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.parked_events ENABLE ROW LEVEL SECURITY;

CREATE POLICY of_tenant ON event_store.tenants FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR name = (SELECT nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.streams FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.events FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.links FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.snapshots FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.subscriptions FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.subscription_partitions FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.subscription_members FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT nullif(current_setting('events.tenant', true), '')));
CREATE POLICY of_tenant ON event_store.parked_events FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT nullif(current_setting('events.tenant', true), '')));
