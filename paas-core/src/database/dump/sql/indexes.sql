-- An index that never became valid holds nothing to keep; that of a partitioned table becomes valid by its partitions'.
SELECT 'pg_class'::regclass::oid AS class, i.oid, 'index ' || i.oid::regclass AS name, ARRAY[x.indrelid] AS needs,
       pg_get_indexdef(i.oid) || ';'
       || CASE WHEN x.indisclustered THEN format(E'\nALTER TABLE %s CLUSTER ON %I;', x.indrelid::regclass, i.relname) ELSE '' END
       || CASE WHEN x.indisreplident THEN format(E'\nALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I;', x.indrelid::regclass, i.relname) ELSE '' END
       || coalesce((SELECT string_agg(format(E'\nALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s;', i.oid::regclass, a.attnum, a.attstattarget), '' ORDER BY a.attnum)
                    FROM pg_attribute a WHERE a.attrelid = i.oid AND coalesce(a.attstattarget, -1) >= 0), '') AS sql
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE i.oid >= 16384 AND (x.indisvalid OR t.relkind = 'p') AND t.relkind IN ('r', 'p', 'm') AND t.relpersistence <> 't'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid
                  AND d.refclassid = 'pg_constraint'::regclass AND d.deptype = 'i')
ORDER BY 3
