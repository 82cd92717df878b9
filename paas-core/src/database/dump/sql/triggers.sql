-- A trigger of a partitioned table makes those of its partitions; only a different firing of theirs is told.
SELECT CASE WHEN t.tgparentid = 0 THEN 'pg_trigger'::regclass::oid ELSE 0 END AS class,
       CASE WHEN t.tgparentid = 0 THEN t.oid ELSE 0 END AS oid, format('trigger %I of %s', t.tgname, t.tgrelid::regclass) AS name,
       ARRAY[t.tgrelid] AS needs,
       concat_ws(E'\n', CASE WHEN t.tgparentid = 0 THEN pg_get_triggerdef(t.oid) || ';' END,
           CASE WHEN t.tgenabled <> coalesce(p.tgenabled, 'O') THEN format('ALTER TABLE %s %s TRIGGER %I;', t.tgrelid::regclass,
                CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END, t.tgname) END) AS sql
FROM pg_trigger t LEFT JOIN pg_trigger p ON p.oid = t.tgparentid
WHERE NOT t.tgisinternal AND t.oid >= 16384 AND (t.tgparentid = 0 OR t.tgenabled <> p.tgenabled)
ORDER BY (t.tgparentid <> 0), 3
