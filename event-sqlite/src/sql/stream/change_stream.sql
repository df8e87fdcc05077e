-- Archive, delete or truncate a stream. The caller checked under the write lock that it is allowed.
-- ?1 stream key · ?2 new state, or null to keep it · ?3 first version to keep, or null
UPDATE streams SET state = coalesce(?2, state), first_version = max(first_version, coalesce(?3, 1)) WHERE stream_key = ?1
