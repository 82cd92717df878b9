SELECT 'pg_rewrite'::regclass::oid AS class, r.oid, format('rule %I of %s', r.rulename, r.ev_class::regclass) AS name, ARRAY[r.ev_class] AS needs,
       pg_get_ruledef(r.oid)
       || CASE r.ev_enabled WHEN 'O' THEN '' ELSE format(E'\nALTER TABLE %s %s RULE %I;', r.ev_class::regclass,
            CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, r.rulename) END AS sql
FROM pg_rewrite r
WHERE r.rulename <> '_RETURN' AND r.oid >= 16384
ORDER BY 3
