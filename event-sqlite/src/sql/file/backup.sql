-- Copy the whole store, as of now, into a new file without free pages.
-- ?1 path of the copy, which must not exist
VACUUM INTO ?1
