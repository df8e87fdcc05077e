-- A copy of the whole store as of now, in one file, without gaps.
-- ?1 path of the copy, which must not exist
VACUUM INTO ?1
