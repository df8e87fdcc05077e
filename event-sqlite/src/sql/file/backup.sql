-- Copy the whole store, as of now, into a new file without free pages.
-- ?1 path of the copy, which must not exist, or be empty
VACUUM INTO ?1
