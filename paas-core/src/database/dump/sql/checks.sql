-- A constraint of a parent reaches its children by itself; only those that a table declares are told.
SELECT 'pg_constraint'::regclass::oid AS class, c.oid, format('constraint %I of %s', c.conname, c.conrelid::regclass) AS name,
       ARRAY[c.conrelid] AS needs,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s;', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS sql
FROM pg_constraint c
WHERE (c.contype = 'c' OR (c.contype = 'n' AND NOT c.convalidated)) AND c.conrelid <> 0 AND c.conislocal AND c.oid >= 16384
ORDER BY 3
