-- Updates the streams of an import to what they are after it.
-- $1 tenant keys · $2 stream keys · $3 versions · $4 states · $5 first versions, one element per stream
UPDATE event_store.streams s SET version = u.version, state = u.state::event_store.stream_state, first_version = u.first
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[]) u (tenant, stream, version, state, first)
WHERE s.tenant_key = u.tenant AND s.stream_key = u.stream
