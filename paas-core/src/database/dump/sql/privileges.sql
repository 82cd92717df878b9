-- What differs from what a fresh object has: first what was taken away, then what was given, in the order in which it was given.
WITH objects AS (
    SELECT 'pg_class'::regclass::oid AS class, c.oid, 0 AS sub, c.relowner AS owner, c.relacl AS acl,
           acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner) AS base,
           CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass AS what, '' AS columns
    FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relacl IS NOT NULL AND c.oid >= 16384
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, c.relowner, a.attacl, acldefault('c', c.relowner), 'TABLE ' || c.oid::regclass,
           format(' (%I)', a.attname)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND c.oid >= 16384
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, p.proowner, p.proacl, acldefault('f', p.proowner), 'ROUTINE ' || i.identity, ''
    FROM pg_proc p, LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i WHERE p.proacl IS NOT NULL AND p.oid >= 16384
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 0, n.nspowner, n.nspacl,
           coalesce(CASE WHEN n.nspname = 'public' THEN (SELECT i.initprivs FROM pg_init_privs i
                          WHERE i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid) END, acldefault('n', n.nspowner)),
           format('SCHEMA %I', n.nspname), ''
    FROM pg_namespace n WHERE n.nspacl IS NOT NULL AND (n.oid >= 16384 OR n.nspname = 'public')
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0, t.typowner, t.typacl, acldefault('T', t.typowner), 'TYPE ' || t.oid::regtype, ''
    FROM pg_type t WHERE t.typacl IS NOT NULL AND t.oid >= 16384
), has AS (
    SELECT o.*, e.* FROM objects o, LATERAL aclexplode(o.acl) WITH ORDINALITY e(grantor, grantee, privilege, grantable, place)
), had AS (
    SELECT o.*, e.* FROM objects o, LATERAL aclexplode(o.base) WITH ORDINALITY e(grantor, grantee, privilege, grantable, place)
), changes AS (
    SELECT class, oid, sub, what, 0 AS late, min(place) AS place,
           format('REVOKE %s ON %s FROM %s;', string_agg(privilege || columns, ', ' ORDER BY place), what,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) AS sql
    FROM had h WHERE NOT EXISTS (SELECT 1 FROM has s WHERE (s.class, s.oid, s.sub, s.grantee, s.privilege, s.grantable)
                                 = (h.class, h.oid, h.sub, h.grantee, h.privilege, h.grantable))
    GROUP BY class, oid, sub, what, grantee
    UNION ALL
    SELECT class, oid, sub, what, 1, min(place),
           format('GRANT %s ON %s TO %s%s;', string_agg(privilege || columns, ', ' ORDER BY place), what,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, CASE WHEN grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM has s WHERE NOT EXISTS (SELECT 1 FROM had h WHERE (s.class, s.oid, s.sub, s.grantee, s.privilege, s.grantable)
                                 = (h.class, h.oid, h.sub, h.grantee, h.privilege, h.grantable))
    GROUP BY class, oid, sub, what, grantee, grantable
)
SELECT class, oid, 'privileges of ' || lower(split_part(what, ' ', 1)) || substr(what, strpos(what, ' ')) AS name, '{}'::oid[] AS needs,
       string_agg(sql, E'\n' ORDER BY sub, late, place) AS sql
FROM changes GROUP BY class, oid, what ORDER BY 3
