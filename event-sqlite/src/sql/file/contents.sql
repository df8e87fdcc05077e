-- The id of the file and the last position that was ever used: what a file must hold by itself.
SELECT id, (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events') AS last_position FROM store_identity
