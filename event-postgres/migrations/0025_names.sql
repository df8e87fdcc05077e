-- A name that is empty is nobody's: a tenant of that name would be the one of the operator's subscriptions. Programs never write one; a role
-- that calls the functions itself might.
ALTER TABLE event_store.tenants ADD CONSTRAINT tenants_named CHECK (name <> '') NOT VALID;
ALTER TABLE event_store.streams ADD CONSTRAINT streams_named CHECK (stream_id <> '') NOT VALID;
ALTER TABLE event_store.subscriptions ADD CONSTRAINT subscriptions_named CHECK (name <> '') NOT VALID;
