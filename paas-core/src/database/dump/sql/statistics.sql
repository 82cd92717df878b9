SELECT 'pg_statistic_ext'::regclass::oid AS class, s.oid, 'statistics ' || i.identity AS name, ARRAY[s.stxrelid] AS needs,
       pg_get_statisticsobjdef(s.oid) || ';'
       || CASE WHEN coalesce(s.stxstattarget, -1) >= 0 THEN format(E'\nALTER STATISTICS %s SET STATISTICS %s;', i.identity, s.stxstattarget) ELSE '' END
       || format(E'\nALTER STATISTICS %s OWNER TO %s;', i.identity, s.stxowner::regrole) AS sql
FROM pg_statistic_ext s, LATERAL pg_identify_object('pg_statistic_ext'::regclass, s.oid, 0) i
WHERE s.oid >= 16384
ORDER BY 3
