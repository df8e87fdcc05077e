-- What a subscription had passed when its filter or its partitions were changed: events up to there are not handled again.
CREATE TABLE subscription_changes (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number > 0), -- in the order of the changes
  incarnation INTEGER NOT NULL, -- that it had until the change, as the filter
  filter TEXT NOT NULL,
  up_to TEXT NOT NULL, -- the position of the checkpoint of each partition, separated by commas
  new_after INTEGER, -- after this position, events are handled that were passed and match since the change; null: none
  PRIMARY KEY (tenant, name, number)
) STRICT;

-- Whatever deletes a subscription: another one of the name has passed nothing.
CREATE TRIGGER subscription_deleted AFTER DELETE ON subscriptions BEGIN
  DELETE FROM subscription_changes WHERE tenant = OLD.tenant AND name = OLD.name;
END;
