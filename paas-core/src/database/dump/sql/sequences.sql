-- An owned sequence must have its table's owner before it is tied to it.
SELECT 'pg_class'::regclass::oid AS class, c.oid, 'sequence ' || c.oid::regclass AS name, '{}'::oid[] AS needs,
       format(E'CREATE %sSEQUENCE %s\n    AS %s\n    START WITH %s\n    INCREMENT BY %s\n    MINVALUE %s\n    MAXVALUE %s\n    CACHE %s%s;',
              CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED ' ELSE '' END, c.oid::regclass, s.seqtypid::regtype, s.seqstart,
              s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN E'\n    CYCLE' ELSE '' END)
       || format(E'\nALTER SEQUENCE %s OWNER TO %s;', c.oid::regclass, c.relowner::regrole)
       || coalesce((SELECT format(E'\nALTER SEQUENCE %s OWNED BY %s.%I;', c.oid::regclass, a.attrelid::regclass, a.attname)
                    FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
                      AND d.deptype = 'a'), '') AS sql
FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid
WHERE c.oid >= 16384 AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
ORDER BY 3
