-- Every database begins with a schema public, so its owner is told only if somebody changed it.
SELECT 'pg_namespace'::regclass::oid AS class, n.oid, format('schema %I', n.nspname) AS name, '{}'::oid[] AS needs,
       format('CREATE SCHEMA %s%I;', CASE WHEN n.nspname = 'public' THEN 'IF NOT EXISTS ' ELSE '' END, n.nspname)
       || CASE WHEN n.nspname = 'public' AND (n.nspowner = 10 OR n.nspowner = 'pg_database_owner'::regrole) THEN ''
          ELSE format(E'\nALTER SCHEMA %I OWNER TO %s;', n.nspname, n.nspowner::regrole) END AS sql
FROM pg_namespace n
WHERE (n.oid >= 16384 OR n.nspname = 'public') AND n.nspname !~ '^pg_'
ORDER BY n.nspname
