-- Repairs the sequences that are behind their rows; migrations/0013_sequences.sql describes it.
SELECT sequence, assigned, stored FROM event_store.repair_sequences()
