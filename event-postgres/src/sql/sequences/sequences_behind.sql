-- When the server started, and the sequences that are behind their rows: one row with nulls if none is. migrations/0013_sequences.sql describes
-- the function.
SELECT pg_postmaster_start_time() AS started, b.sequence, b.assigned, b.stored
FROM (SELECT 1) one LEFT JOIN event_store.sequences_behind() b ON true
