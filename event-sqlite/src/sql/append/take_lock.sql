-- Takes the write lock in a transaction that was begun without it; changes nothing.
UPDATE streams SET version = version WHERE stream_key < 0
