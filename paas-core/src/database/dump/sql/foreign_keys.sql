SELECT 'pg_constraint'::regclass::oid AS class, c.oid, format('constraint %I of %s', c.conname, c.conrelid::regclass) AS name,
       ARRAY[c.conrelid, c.confrelid] AS needs,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s;', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS sql
FROM pg_constraint c
WHERE c.contype = 'f' AND c.conparentid = 0 AND c.oid >= 16384
ORDER BY 3
