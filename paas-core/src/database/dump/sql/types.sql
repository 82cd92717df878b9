SELECT 'pg_type'::regclass::oid AS class, t.oid, 'type ' || t.oid::regtype AS name, '{}'::oid[] AS needs,
       CASE t.typtype
       WHEN 'e' THEN format(E'CREATE TYPE %s AS ENUM (%s\n);', t.oid::regtype,
           (SELECT string_agg(format(E'\n    %L', l.enumlabel), ',' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid))
       WHEN 'c' THEN format(E'CREATE TYPE %s AS (%s\n);', t.oid::regtype,
           (SELECT string_agg(format(E'\n    %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
                              || CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END,
                              ',' ORDER BY a.attnum)
            FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
       WHEN 'd' THEN format('CREATE DOMAIN %s AS %s', t.oid::regtype, format_type(t.typbasetype, t.typtypmod))
           || CASE WHEN t.typcollation <> b.typcollation THEN ' COLLATE ' || t.typcollation::regcollation ELSE '' END
           || coalesce(' DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)), '')
           || CASE WHEN t.typnotnull THEN coalesce((SELECT format(' CONSTRAINT %I', c.conname) FROM pg_constraint c
                                                    WHERE c.contypid = t.oid AND c.contype = 'n'), '') || ' NOT NULL' ELSE '' END || ';'
       WHEN 'r' THEN format(E'CREATE TYPE %s AS RANGE (\n    SUBTYPE = %s,\n    SUBTYPE_OPCLASS = %I.%I', t.oid::regtype,
                            r.rngsubtype::regtype, o.schema, o.opcname)
           || CASE WHEN r.rngcollation <> 0 THEN E',\n    COLLATION = ' || r.rngcollation::regcollation ELSE '' END
           || CASE WHEN r.rngsubdiff <> 0 THEN E',\n    SUBTYPE_DIFF = ' || (SELECT format('%I.%I', n.nspname, p.proname)
                   FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = r.rngsubdiff) ELSE '' END
           || E',\n    MULTIRANGE_TYPE_NAME = ' || r.rngmultitypid::regtype || E'\n);'
       END || format(E'\nALTER TYPE %s OWNER TO %s;', t.oid::regtype, t.typowner::regrole) AS sql
FROM pg_type t
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_class k ON k.oid = t.typrelid
LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN (SELECT c.oid, n.nspname AS schema, c.opcname FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace) o ON o.oid = r.rngsubopc
WHERE t.oid >= 16384 AND t.typnamespace::regnamespace::text !~ '^pg_temp' AND (t.typtype IN ('e', 'd') OR (t.typtype = 'c' AND k.relkind = 'c') OR (t.typtype = 'r' AND r.rngcanonical = 0))
ORDER BY 3
