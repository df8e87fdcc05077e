-- Does not wait for other programs.
PRAGMA busy_timeout = 0
