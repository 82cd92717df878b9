SELECT 'pg_policy'::regclass::oid AS class, p.oid, format('policy %I of %s', p.polname, p.polrelid::regclass) AS name, ARRAY[p.polrelid] AS needs,
       format('CREATE POLICY %I ON %s%s%s TO %s', p.polname, p.polrelid::regclass,
              CASE WHEN p.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END,
              CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' ELSE '' END,
              (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY r::regrole::text) FROM unnest(p.polroles) r))
       || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
       || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') || ';' AS sql
FROM pg_policy p
WHERE p.oid >= 16384
UNION ALL
SELECT 0::oid, 0::oid, 'row security of ' || c.oid::regclass, ARRAY[c.oid],
       concat_ws(E'\n', CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', c.oid::regclass) END,
                 CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY;', c.oid::regclass) END)
FROM pg_class c
WHERE (c.relrowsecurity OR c.relforcerowsecurity) AND c.oid >= 16384
ORDER BY 3
