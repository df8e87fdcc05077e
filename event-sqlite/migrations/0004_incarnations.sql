-- Each creation of a subscription is an incarnation, a random number: a consumer of a deleted subscription changes nothing of one that was
-- created under its name since. The tokens of the partitions are counted from it, in steps of random size, so that no token is repeated.
ALTER TABLE subscriptions ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;

UPDATE subscriptions SET incarnation = random() & 0xfffffffffffffff;

-- Every heartbeat looks for parked events to be handled again, and who handles them reads them in order: whatever else is parked.
CREATE INDEX parked_events_due ON parked_events (tenant, name, position) WHERE replay;
DROP INDEX parked_events_replay;
