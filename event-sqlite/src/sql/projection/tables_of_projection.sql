-- The tables and views of a build: those whose names start with its prefix, except those of a build with a longer prefix that starts the
-- same way. Those that were created last come first: they may refer to the others.
-- ?1 prefix
SELECT s.type, s.name FROM sqlite_schema s
WHERE s.type IN ('table', 'view') AND substr(s.name, 1, length(?1)) = ?1
  AND NOT EXISTS (SELECT 1 FROM projections p
    WHERE length(p.name || '_' || p.build || '_') > length(?1)
      AND substr(s.name, 1, length(p.name || '_' || p.build || '_')) = p.name || '_' || p.build || '_')
ORDER BY s.type DESC, s.rowid DESC
