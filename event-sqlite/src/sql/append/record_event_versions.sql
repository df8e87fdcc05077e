-- Record versions of event types, except those that are recorded already.
-- ?1 JSON array of [type, version]
INSERT INTO event_versions (event_type, schema_version)
SELECT j.value ->> 0, j.value ->> 1 FROM json_each(?1) j WHERE true
ON CONFLICT DO NOTHING
