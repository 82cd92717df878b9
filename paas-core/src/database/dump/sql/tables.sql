-- A partition is made as a table of its own and attached, so that its columns may stand in another order than its parent's.
-- From major 18 on, NOT NULL is a constraint with a name.
SELECT 'pg_class'::regclass::oid AS class, c.oid, 'table ' || c.oid::regclass AS name, '{}'::oid[] AS needs,
       format('CREATE %sTABLE %s (', CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED ' ELSE '' END, c.oid::regclass)
       || coalesce((SELECT string_agg(format(E'\n    %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
                || CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
                || CASE a.attgenerated WHEN 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
                                       WHEN 'v' THEN format(' GENERATED ALWAYS AS (%s)', pg_get_expr(d.adbin, d.adrelid)) ELSE '' END
                || CASE WHEN a.attnotnull AND coalesce(k.convalidated, true)
                        THEN coalesce(' CONSTRAINT ' || quote_ident(k.conname), '') || ' NOT NULL'
                             || CASE WHEN k.connoinherit THEN ' NO INHERIT' ELSE '' END
                        ELSE '' END,
                ',' ORDER BY a.attnum)
            FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attislocal OR c.relispartition)), '')
       || E'\n)'
       || CASE WHEN c.relispartition THEN '' ELSE coalesce((SELECT format(E'\nINHERITS (%s)',
                string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)) FROM pg_inherits i WHERE i.inhrelid = c.oid HAVING count(*) > 0), '') END
       || CASE WHEN c.relkind = 'p' THEN E'\nPARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END
       || coalesce((SELECT format(E'\nUSING %I', m.amname) FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'), '')
       || coalesce(E'\nWITH (' || (SELECT string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')
            FROM (SELECT unnest(c.reloptions) UNION ALL
                  SELECT 'toast.' || unnest(t.reloptions) FROM pg_class t WHERE t.oid = c.reltoastrelid) AS all_options(o)) || ')', '')
       || ';'
       || format(E'\nALTER TABLE %s OWNER TO %s;', c.oid::regclass, c.relowner::regrole)
       || CASE WHEN c.relispartition THEN (SELECT format(E'\nALTER TABLE ONLY %s ATTACH PARTITION %s %s;', i.inhparent::regclass,
                c.oid::regclass, pg_get_expr(c.relpartbound, c.oid)) FROM pg_inherits i WHERE i.inhrelid = c.oid) ELSE '' END
       || CASE WHEN c.reloftype <> 0 THEN format(E'\nALTER TABLE %s OF %s;', c.oid::regclass, c.reloftype::regtype) ELSE '' END
       || CASE c.relreplident WHEN 'f' THEN format(E'\nALTER TABLE ONLY %s REPLICA IDENTITY FULL;', c.oid::regclass)
                              WHEN 'n' THEN format(E'\nALTER TABLE ONLY %s REPLICA IDENTITY NOTHING;', c.oid::regclass) ELSE '' END AS sql
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND c.relpersistence <> 't'
ORDER BY 3
