-- Wait until every append that drew a position is done, and let none draw one before the commit. Appends take this table's lock after the
-- rows of their streams, and so does an import.
LOCK TABLE event_store.events IN SHARE ROW EXCLUSIVE MODE
