-- Readers and the writer do not wait for one another; the file keeps the mode.
PRAGMA journal_mode = WAL
