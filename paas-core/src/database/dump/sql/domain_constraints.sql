SELECT 'pg_constraint'::regclass::oid AS class, c.oid, format('constraint %I of domain %s', c.conname, c.contypid::regtype) AS name,
       '{}'::oid[] AS needs,
       format('ALTER DOMAIN %s ADD CONSTRAINT %I %s;', c.contypid::regtype, c.conname, pg_get_constraintdef(c.oid)) AS sql
FROM pg_constraint c
WHERE c.contypid <> 0 AND c.contype = 'c' AND c.oid >= 16384
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = c.contypid AND d.deptype = 'e')
ORDER BY 3
