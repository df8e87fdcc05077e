-- Records the names of a tenant and of categories before an append in a transaction of the caller's.
-- $1 tenant · $2 categories
SELECT event_store.record_names($1, $2)
