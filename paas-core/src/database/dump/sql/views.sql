SELECT 'pg_class'::regclass::oid AS class, c.oid, CASE c.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || c.oid::regclass AS name,
       '{}'::oid[] AS needs,
       format('CREATE %sVIEW %s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, c.oid::regclass)
       || coalesce((SELECT format(E'\nUSING %I', m.amname) FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'), '')
       || coalesce(E'\nWITH (' || (SELECT string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')
            FROM (SELECT unnest(c.reloptions) UNION ALL
                  SELECT 'toast.' || unnest(t.reloptions) FROM pg_class t WHERE t.oid = c.reltoastrelid) AS all_options(o)) || ')', '')
       || E' AS\n' || CASE c.relkind WHEN 'm' THEN rtrim(pg_get_viewdef(c.oid), ';') || E'\n  WITH NO DATA;' ELSE pg_get_viewdef(c.oid) END
       || format(E'\nALTER %sVIEW %s OWNER TO %s;', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, c.oid::regclass, c.relowner::regrole) AS sql
FROM pg_class c
WHERE c.relkind IN ('v', 'm') AND c.oid >= 16384 AND c.relpersistence <> 't'
ORDER BY 3
