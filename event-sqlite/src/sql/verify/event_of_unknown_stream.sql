-- Events, links and snapshots of streams that there are not, and streams of unknown tenants and categories.
WITH bad AS (
  SELECT 'position ' || e.position || ', stream key ' || e.stream_key AS place FROM events e
  WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream_key = e.stream_key)
  UNION ALL
  SELECT 'link ' || l.version || ' of stream key ' || l.stream_key FROM links l
  WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream_key = l.stream_key)
  UNION ALL
  SELECT 'snapshot of stream key ' || n.stream_key FROM snapshots n
  WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream_key = n.stream_key)
  UNION ALL
  SELECT 'stream "' || s.stream_id || '", tenant key ' || s.tenant_key || ', category key ' || s.category_key FROM streams s
  WHERE NOT EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_key = s.tenant_key)
    OR NOT EXISTS (SELECT 1 FROM categories c WHERE c.category_key = s.category_key)
)
SELECT count(*) OVER () AS found, place FROM bad LIMIT 5
