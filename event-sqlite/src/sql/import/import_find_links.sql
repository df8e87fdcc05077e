-- What is there of the links of an import: the position of the event, what the stream shows under the number, and under which number it
-- shows the event; a row a link, in order, with nulls for what is not there.
-- ?1 JSON array of [stream key or null, tenant, number, id in hex]
SELECT e.position, n.position AS at_number, l.version AS number
FROM json_each(?1) j
LEFT JOIN tenants t ON t.name = j.value ->> 1
LEFT JOIN events e ON e.event_id = unhex(j.value ->> 3) AND e.tenant_key = t.tenant_key
  AND e.version >= (SELECT o.first_version FROM streams o WHERE o.stream_key = e.stream_key)
LEFT JOIN links n ON n.stream_key = j.value ->> 0 AND n.version = j.value ->> 2
LEFT JOIN links l ON l.stream_key = j.value ->> 0 AND l.position = e.position
ORDER BY j.key
