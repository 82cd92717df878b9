-- The tables whose rows are told, with the columns that can be written. A configuration table of an extension tells the rows that the
-- extension says are the user's.
SELECT c.oid, c.oid::regclass::text AS name, c.relkind::text AS kind, x.condition, x.condition IS NOT NULL AS extension,
       (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> '') AS generated
FROM pg_class c
LEFT JOIN (SELECT unnest(e.extconfig) AS oid, unnest(e.extcondition) AS condition FROM pg_extension e) x ON x.oid = c.oid
WHERE c.relkind IN ('r', 'S') AND c.oid >= 16384 AND c.relpersistence <> 't'
ORDER BY 2
