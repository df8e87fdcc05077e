-- The events to link: the position of each, and its version in the stream of links if it is linked already. One row for each id, in order;
-- what does not exist is null.
-- ?1 tenant · ?2 JSON array of ids in hex · ?3 key of the stream of links, or null
SELECT e.position, l.version
FROM json_each(?2) j
LEFT JOIN tenants t ON t.name = ?1
LEFT JOIN events e ON e.event_id = unhex(j.value) AND e.tenant_key = t.tenant_key
  AND e.version >= (SELECT o.first_version FROM streams o WHERE o.stream_key = e.stream_key)
LEFT JOIN links l ON l.stream_key = ?3 AND l.position = e.position
ORDER BY j.key
