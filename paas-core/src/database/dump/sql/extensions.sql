SELECT 'pg_extension'::regclass::oid AS class, e.oid, format('extension %I', e.extname) AS name, '{}'::oid[] AS needs,
       format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I;', e.extname, n.nspname) AS sql
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.oid >= 16384
ORDER BY e.extname
