-- What no caller of a function may store, whichever function it is and whatever it was given: numbers that this program never writes
-- and could not read. NOT VALID: what is stored already is not read again.
ALTER TABLE event_store.snapshots
  ADD CONSTRAINT snapshots_bounds CHECK (stream_version >= 0 AND position >= 0) NOT VALID;
ALTER TABLE event_store.subscriptions
  ADD CONSTRAINT subscriptions_bounds CHECK (partitions <= 1024) NOT VALID;
ALTER TABLE event_store.subscription_partitions
  ADD CONSTRAINT subscription_partitions_bounds CHECK (position >= 0 AND coalesce(event_position, 0) >= 0 AND skipped >= 0 AND token >= 0) NOT VALID;
ALTER TABLE event_store.parked_events
  ADD CONSTRAINT parked_events_bounds CHECK (position >= 0 AND attempts >= 0) NOT VALID;
