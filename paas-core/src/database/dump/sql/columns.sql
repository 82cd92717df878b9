-- What a column says beyond its definition; and NOT NULL of a column that is its parent's otherwise.
SELECT 0::oid AS class, 0::oid AS oid, format('column %s.%I', a.attrelid::regclass, a.attname) AS name, ARRAY[a.attrelid] AS needs,
       concat_ws(E'\n',
         CASE WHEN coalesce(a.attstattarget, -1) >= 0 AND c.relkind <> 'v'
              THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS %s;', a.attrelid::regclass, a.attname, a.attstattarget) END,
         CASE WHEN a.attstorage <> y.typstorage THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STORAGE %s;', a.attrelid::regclass,
              a.attname, CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'x' THEN 'EXTENDED' ELSE 'MAIN' END) END,
         CASE a.attcompression WHEN 'p' THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET COMPRESSION pglz;', a.attrelid::regclass, a.attname)
                               WHEN 'l' THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET COMPRESSION lz4;', a.attrelid::regclass, a.attname) END,
         (SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET (%s);', a.attrelid::regclass, a.attname,
              string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')) FROM unnest(a.attoptions) o HAVING count(*) > 0),
         CASE WHEN a.attnotnull AND NOT a.attislocal AND NOT c.relispartition
                   AND NOT EXISTS (SELECT 1 FROM pg_inherits i JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
                                   WHERE i.inhrelid = c.oid AND p.attnotnull)
              THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET NOT NULL;', a.attrelid::regclass, a.attname) END) AS sql
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type y ON y.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'm') AND c.oid >= 16384 AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
  AND (coalesce(a.attstattarget, -1) >= 0 OR a.attstorage <> y.typstorage OR a.attcompression IN ('p', 'l') OR a.attoptions IS NOT NULL
       OR (a.attnotnull AND NOT a.attislocal AND NOT c.relispartition))
ORDER BY a.attrelid::regclass::text, a.attnum
