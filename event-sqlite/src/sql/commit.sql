-- Makes the transaction's changes last: they are on the disk when it answers.
COMMIT
