SELECT 'pg_constraint'::regclass::oid AS class, c.oid, format('constraint %I of %s', c.conname, c.conrelid::regclass) AS name,
       ARRAY[c.conrelid] AS needs,
       format('ALTER TABLE ONLY %s ADD CONSTRAINT %I %s;', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
       || coalesce((SELECT format(E'\nALTER INDEX %s SET (%s);', i.oid::regclass,
                string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')) FROM unnest(i.reloptions) o HAVING count(*) > 0), '')
       || CASE WHEN x.indisclustered THEN format(E'\nALTER TABLE %s CLUSTER ON %I;', c.conrelid::regclass, i.relname) ELSE '' END
       || CASE WHEN x.indisreplident THEN format(E'\nALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I;', c.conrelid::regclass, i.relname) ELSE '' END AS sql
FROM pg_constraint c JOIN pg_class i ON i.oid = c.conindid JOIN pg_index x ON x.indexrelid = i.oid
WHERE c.contype IN ('p', 'u', 'x') AND c.conrelid <> 0 AND c.oid >= 16384
ORDER BY 3
