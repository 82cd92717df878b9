-- What this writer has no words for. Members of extensions and parts of other objects are left out by its caller.
SELECT m.class, m.oid, coalesce(m.name, pg_describe_object(m.class, m.oid, 0)) AS name FROM (
    SELECT tableoid AS class, oid, NULL::text AS name FROM pg_operator UNION ALL
    SELECT tableoid, oid, NULL FROM pg_opclass UNION ALL
    SELECT tableoid, oid, NULL FROM pg_opfamily UNION ALL
    SELECT tableoid, oid, NULL FROM pg_cast UNION ALL
    SELECT tableoid, oid, NULL FROM pg_conversion UNION ALL
    SELECT tableoid, oid, NULL FROM pg_collation UNION ALL
    SELECT tableoid, oid, NULL FROM pg_ts_config UNION ALL
    SELECT tableoid, oid, NULL FROM pg_ts_dict UNION ALL
    SELECT tableoid, oid, NULL FROM pg_ts_parser UNION ALL
    SELECT tableoid, oid, NULL FROM pg_ts_template UNION ALL
    SELECT tableoid, oid, NULL FROM pg_language UNION ALL
    SELECT tableoid, oid, NULL FROM pg_am UNION ALL
    SELECT tableoid, oid, NULL FROM pg_transform UNION ALL
    SELECT tableoid, oid, NULL FROM pg_foreign_data_wrapper UNION ALL
    SELECT tableoid, oid, NULL FROM pg_foreign_server UNION ALL
    SELECT tableoid, oid, NULL FROM pg_publication UNION ALL
    SELECT tableoid, oid, NULL FROM pg_class WHERE relkind = 'f' UNION ALL
    SELECT tableoid, oid, pg_describe_object(tableoid, oid, 0) || ' in a tablespace of its own' FROM pg_class
        WHERE reltablespace <> 0 AND relkind IN ('r', 'p', 'm', 'i', 'I') UNION ALL
    SELECT t.tableoid, t.oid, NULL FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid
        WHERE (t.typtype IN ('b', 'p') AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid))
           OR (t.typtype = 'r' AND r.rngcanonical <> 0) UNION ALL
    SELECT 'pg_subscription'::regclass, s.oid, 'subscription ' || s.subname FROM pg_subscription s
        WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) UNION ALL
    SELECT c.tableoid, c.oid, format('a privilege on %s that was not given by its owner', c.oid::regclass) FROM pg_class c
        WHERE EXISTS (SELECT 1 FROM aclexplode(c.relacl) e WHERE e.grantor <> c.relowner) UNION ALL
    SELECT p.tableoid, p.oid, format('a privilege on %s that was not given by its owner', p.oid::regprocedure) FROM pg_proc p
        WHERE EXISTS (SELECT 1 FROM aclexplode(p.proacl) e WHERE e.grantor <> p.proowner) UNION ALL
    SELECT n.tableoid, n.oid, format('a privilege on schema %I that was not given by its owner', n.nspname) FROM pg_namespace n
        WHERE EXISTS (SELECT 1 FROM aclexplode(n.nspacl) e WHERE e.grantor <> n.nspowner)
) m
WHERE m.oid >= 16384
UNION ALL
-- Whoever makes a large object may choose its number.
SELECT tableoid, oid, 'large object ' || oid FROM pg_largeobject_metadata
UNION ALL
SELECT l.classoid, l.objoid, 'a security label on ' || pg_describe_object(l.classoid, l.objoid, l.objsubid) FROM pg_seclabel l
UNION ALL
-- Privileges on the server's own objects that somebody changed after initdb, which notes none of the information schema; and on members of
-- extensions, after they were made.
SELECT 0, 0, 'changed privileges on ' || pg_describe_object(o.class, o.oid, 0)
FROM (SELECT tableoid AS class, oid, relacl AS acl FROM pg_class WHERE relnamespace <> 'information_schema'::regnamespace UNION ALL
      SELECT tableoid, oid, proacl FROM pg_proc UNION ALL
      SELECT tableoid, oid, typacl FROM pg_type UNION ALL
      SELECT tableoid, oid, lanacl FROM pg_language UNION ALL
      SELECT tableoid, oid, nspacl FROM pg_namespace WHERE nspname NOT IN ('public', 'information_schema')) o
LEFT JOIN pg_init_privs i ON i.classoid = o.class AND i.objoid = o.oid AND i.objsubid = 0
WHERE (o.oid < 16384 OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'))
  AND o.acl IS DISTINCT FROM i.initprivs
  AND EXISTS ((SELECT * FROM aclexplode(o.acl) EXCEPT SELECT * FROM aclexplode(i.initprivs))
              UNION ALL (SELECT * FROM aclexplode(i.initprivs) EXCEPT SELECT * FROM aclexplode(o.acl)))
ORDER BY 3
