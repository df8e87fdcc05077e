-- Insert the links of an import.
-- ?1 JSON array of [stream key, version, position]
INSERT INTO links (stream_key, version, position) SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2 FROM json_each(?1) j
