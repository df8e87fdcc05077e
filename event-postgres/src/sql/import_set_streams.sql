-- Streams of an import as they are afterwards.
-- $1 tenant keys · $2 stream keys · $3 versions · $4 states, one element a stream
UPDATE event_store.streams s SET version = u.version, state = u.state
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::smallint[]) u (tenant, stream, version, state)
WHERE s.tenant_key = u.tenant AND s.stream_key = u.stream
