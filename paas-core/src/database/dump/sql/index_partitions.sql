SELECT 0::oid AS class, 0::oid AS oid, format('partition %s of index %s', h.inhrelid::regclass, h.inhparent::regclass) AS name,
       ARRAY[h.inhrelid, h.inhparent] AS needs,
       format('ALTER INDEX %s ATTACH PARTITION %s;', h.inhparent::regclass, h.inhrelid::regclass) AS sql
FROM pg_inherits h JOIN pg_class i ON i.oid = h.inhrelid
WHERE i.relkind IN ('i', 'I') AND i.oid >= 16384
ORDER BY 3
