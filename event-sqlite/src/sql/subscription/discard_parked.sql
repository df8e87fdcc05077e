-- Delete the parked events that meet conditions and are not marked for a replay.
-- ?1 tenant or '' · ?2 name · each or null for any: ?3 position · ?4 event id · ?5 event types, a JSON list · ?6 stream · ?7 text of the error
DELETE FROM parked_events AS k
WHERE k.tenant = ?1 AND k.name = ?2 AND NOT k.replay AND (?3 IS NULL OR k.position = ?3) AND (?4 IS NULL OR k.event_id = ?4)
  AND (?7 IS NULL OR instr(k.error, ?7) > 0)
  AND (?5 IS NULL AND ?6 IS NULL OR EXISTS (
    SELECT 1 FROM events e JOIN streams s ON s.stream_key = e.stream_key
    WHERE e.position = k.position AND e.event_id = k.event_id AND (?5 IS NULL OR e.event_type IN (SELECT j.value FROM json_each(?5) j))
      AND (?6 IS NULL OR s.stream_id = ?6)))
