WITH rules AS (
    SELECT d.oid, d.defaclacl AS acl,
           CASE d.defaclnamespace WHEN 0 THEN acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole)
                END AS base,
           'ALTER DEFAULT PRIVILEGES FOR ROLE ' || d.defaclrole::regrole || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '') AS start,
           CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
                                WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS what
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
), has AS (
    SELECT r.*, e.* FROM rules r, LATERAL aclexplode(r.acl) WITH ORDINALITY e(grantor, grantee, privilege, grantable, place)
), had AS (
    SELECT r.*, e.* FROM rules r, LATERAL aclexplode(r.base) WITH ORDINALITY e(grantor, grantee, privilege, grantable, place)
), changes AS (
    SELECT oid, start, what, 0 AS late, min(place) AS place, format('%s REVOKE %s ON %s FROM %s;', start, string_agg(privilege, ', ' ORDER BY place), what,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) AS sql
    FROM had h WHERE NOT EXISTS (SELECT 1 FROM has s WHERE (s.oid, s.grantee, s.privilege, s.grantable) = (h.oid, h.grantee, h.privilege, h.grantable))
    GROUP BY oid, start, what, grantee
    UNION ALL
    SELECT oid, start, what, 1, min(place), format('%s GRANT %s ON %s TO %s%s;', start, string_agg(privilege, ', ' ORDER BY place), what,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, CASE WHEN grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM has s WHERE NOT EXISTS (SELECT 1 FROM had h WHERE (s.oid, s.grantee, s.privilege, s.grantable) = (h.oid, h.grantee, h.privilege, h.grantable))
    GROUP BY oid, start, what, grantee, grantable
)
SELECT 'pg_default_acl'::regclass::oid AS class, oid, format('default privileges: %s on %s', start, what) AS name, '{}'::oid[] AS needs,
       string_agg(sql, E'\n' ORDER BY late, place) AS sql
FROM changes GROUP BY oid, start, what ORDER BY 3
