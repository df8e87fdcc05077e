-- An id for a copy.
UPDATE store_identity SET id = randomblob(16)
