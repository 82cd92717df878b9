SELECT d.classoid AS class, d.objoid AS oid, d.objsubid AS sub,
       format('COMMENT ON %s %s IS %L;',
              CASE WHEN i.type ~ ' column$' THEN 'COLUMN' WHEN i.type ~ 'constraint$' THEN 'CONSTRAINT'
                   WHEN i.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
                   WHEN i.type IN ('composite type', 'domain') THEN 'TYPE' WHEN i.type = 'statistics object' THEN 'STATISTICS' ELSE upper(i.type) END,
              CASE WHEN i.type = 'domain constraint' THEN (SELECT format('%I ON DOMAIN %s', c.conname, c.contypid::regtype)
                   FROM pg_constraint c WHERE c.oid = d.objoid) ELSE i.identity END,
              d.description) AS sql
FROM pg_description d, LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
WHERE (d.objoid >= 16384 AND NOT (d.classoid = 'pg_extension'::regclass
         AND d.description IS NOT DISTINCT FROM (SELECT a.comment FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname WHERE e.oid = d.objoid)))
   OR (d.classoid = 'pg_namespace'::regclass AND i.identity = 'public' AND d.description <> 'standard public schema')
ORDER BY 1, 2, 3
