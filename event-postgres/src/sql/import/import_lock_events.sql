-- Waits until every append that was assigned a position has ended, and blocks new assignments until the commit. Appends lock this table
-- after the rows of their streams, and an import does the same.
LOCK TABLE event_store.events IN SHARE ROW EXCLUSIVE MODE
