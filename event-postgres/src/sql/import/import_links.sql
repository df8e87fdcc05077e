-- Stores links of an import.
-- $1 tenant keys · $2 stream keys · $3 versions · $4 positions, one element per link
INSERT INTO event_store.links (tenant_key, stream_key, version, position)
SELECT u.tenant, u.stream, u.version, u.position FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[]) u (tenant, stream, version, position)
