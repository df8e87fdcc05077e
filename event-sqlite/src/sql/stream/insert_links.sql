-- Insert links after the last one of a stream.
-- ?1 stream key · ?2 its version · ?3 JSON array of positions
INSERT INTO links (stream_key, version, position) SELECT ?1, ?2 + j.key + 1, j.value FROM json_each(?3) j
