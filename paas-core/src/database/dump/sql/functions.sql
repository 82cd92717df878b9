SELECT 'pg_proc'::regclass::oid AS class, p.oid, 'routine ' || i.identity AS name, '{}'::oid[] AS needs,
       rtrim(pg_get_functiondef(p.oid), E'\n') || ';'
       || format(E'\nALTER ROUTINE %s OWNER TO %s;', i.identity, p.proowner::regrole) AS sql
FROM pg_proc p, LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
WHERE p.oid >= 16384 AND p.pronamespace::regnamespace::text !~ '^pg_temp' AND p.prokind <> 'a'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
ORDER BY 3
