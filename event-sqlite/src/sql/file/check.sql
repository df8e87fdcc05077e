-- Whether the file is whole: `ok`, or a line for each thing that is wrong, 100 at most.
PRAGMA integrity_check(100)
