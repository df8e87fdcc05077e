-- Row security: a role that PgAdapter::grant_to let in sees, by SQL of its own, nothing until it names a tenant, and then that tenant's:
--   SELECT set_config('events.tenant', 'guild-1', true)   for a transaction
--   SET events.tenant = 'guild-1'                          for a session
-- The adapter's statements name the tenant themselves and say events.all_tenants; an operator may say it, too. This is a guard against a
-- condition that was forgotten, not against a role that means to see others: whoever may set the one may set the other.
-- The owner of the tables is not held to it; nobody but the functions writes. Each setting is looked up once a statement, not once a row.
ALTER TABLE event_store.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.streams ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.links ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.subscription_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.subscription_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_store.parked_events ENABLE ROW LEVEL SECURITY;

CREATE POLICY of_tenant ON event_store.tenants FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR name = (SELECT current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.streams FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.events FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.links FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.snapshots FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on')
  OR tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.subscriptions FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.subscription_parts FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.subscription_members FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT current_setting('events.tenant', true)));
CREATE POLICY of_tenant ON event_store.parked_events FOR SELECT USING (
  (SELECT coalesce(current_setting('events.all_tenants', true), '') = 'on') OR tenant = (SELECT current_setting('events.tenant', true)));
