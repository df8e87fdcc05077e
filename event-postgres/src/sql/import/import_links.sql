-- Links of an import.
-- $1 tenant keys · $2 stream keys · $3 numbers · $4 positions, one element a link
INSERT INTO event_store.links (tenant_key, stream_key, version, position)
SELECT u.tenant, u.stream, u.number, u.place FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[]) u (tenant, stream, number, place)
