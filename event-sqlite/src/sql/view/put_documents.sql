-- Insert or replace documents of a build.
-- ? build key, tenant, key, document
INSERT INTO documents (build_key, tenant, key, document)
VALUES (?, ?, ?, ?)
ON CONFLICT (build_key, tenant, key) DO UPDATE SET document = excluded.document
