-- Move the write-ahead log into the file and start it anew: one row, 1 if a reader or another program was in the way.
PRAGMA wal_checkpoint(TRUNCATE)
