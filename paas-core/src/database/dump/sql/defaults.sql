SELECT 'pg_attrdef'::regclass::oid AS class, d.oid, format('default of %s.%I', d.adrelid::regclass, a.attname) AS name,
       ARRAY[d.adrelid] AS needs,
       format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s;', d.adrelid::regclass, a.attname, pg_get_expr(d.adbin, d.adrelid)) AS sql
FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE a.attgenerated = '' AND d.oid >= 16384
ORDER BY 3
