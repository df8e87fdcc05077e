-- What is stored for the links of an import: the position of the event, the position that the stream links to under this version, and the
-- version under which it links to this event. One row for each link, in order; what does not exist is null.
-- ?1 JSON array of [stream key or null, tenant, version, id in hex]
SELECT e.position, n.position AS at_number, l.version AS number
FROM json_each(?1) j
LEFT JOIN tenants t ON t.name = j.value ->> 1
LEFT JOIN events e ON e.event_id = unhex(j.value ->> 3) AND e.tenant_key = t.tenant_key
  AND e.version >= (SELECT o.first_version FROM streams o WHERE o.stream_key = e.stream_key)
LEFT JOIN links n ON n.stream_key = j.value ->> 0 AND n.version = j.value ->> 2
LEFT JOIN links l ON l.stream_key = j.value ->> 0 AND l.position = e.position
ORDER BY j.key
