-- What is not said has the value that CREATE AGGREGATE takes then.
SELECT 'pg_proc'::regclass::oid AS class, p.oid, 'aggregate ' || i.identity AS name, '{}'::oid[] AS needs,
       format('CREATE AGGREGATE %I.%I(%s) (', n.nspname, p.proname,
              coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'))
       || concat_ws(E',', E'\n    SFUNC = ' || a.aggtransfn::regproc, E'\n    STYPE = ' || format_type(a.aggtranstype, NULL),
            CASE WHEN a.aggtransspace > 0 THEN E'\n    SSPACE = ' || a.aggtransspace END,
            CASE WHEN a.aggfinalfn <> 0 THEN E'\n    FINALFUNC = ' || a.aggfinalfn::regproc END,
            CASE WHEN a.aggfinalextra THEN E'\n    FINALFUNC_EXTRA' END,
            E'\n    FINALFUNC_MODIFY = ' || CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END,
            CASE WHEN a.aggcombinefn <> 0 THEN E'\n    COMBINEFUNC = ' || a.aggcombinefn::regproc END,
            CASE WHEN a.aggserialfn <> 0 THEN E'\n    SERIALFUNC = ' || a.aggserialfn::regproc END,
            CASE WHEN a.aggdeserialfn <> 0 THEN E'\n    DESERIALFUNC = ' || a.aggdeserialfn::regproc END,
            E'\n    INITCOND = ' || quote_literal(a.agginitval),
            CASE WHEN a.aggmtransfn <> 0 THEN E'\n    MSFUNC = ' || a.aggmtransfn::regproc END,
            CASE WHEN a.aggminvtransfn <> 0 THEN E'\n    MINVFUNC = ' || a.aggminvtransfn::regproc END,
            CASE WHEN a.aggmtransfn <> 0 THEN E'\n    MSTYPE = ' || format_type(a.aggmtranstype, NULL) END,
            CASE WHEN a.aggmtransspace > 0 THEN E'\n    MSSPACE = ' || a.aggmtransspace END,
            CASE WHEN a.aggmfinalfn <> 0 THEN E'\n    MFINALFUNC = ' || a.aggmfinalfn::regproc END,
            CASE WHEN a.aggmfinalextra THEN E'\n    MFINALFUNC_EXTRA' END,
            CASE WHEN a.aggmtransfn <> 0 THEN E'\n    MFINALFUNC_MODIFY = '
                || CASE a.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
            E'\n    MINITCOND = ' || quote_literal(a.aggminitval),
            CASE WHEN a.aggsortop <> 0 THEN (SELECT format(E'\n    SORTOP = OPERATOR(%I.%s)', m.nspname, o.oprname)
                FROM pg_operator o JOIN pg_namespace m ON m.oid = o.oprnamespace WHERE o.oid = a.aggsortop) END,
            CASE WHEN a.aggkind = 'h' THEN E'\n    HYPOTHETICAL' END,
            CASE p.proparallel WHEN 's' THEN E'\n    PARALLEL = SAFE' WHEN 'r' THEN E'\n    PARALLEL = RESTRICTED' END)
       || E'\n);' || format(E'\nALTER ROUTINE %s OWNER TO %s;', i.identity, p.proowner::regrole) AS sql
FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid JOIN pg_namespace n ON n.oid = p.pronamespace,
     LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
WHERE p.oid >= 16384 AND p.pronamespace::regnamespace::text !~ '^pg_temp'
ORDER BY 3
