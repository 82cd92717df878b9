-- Who needs whom. A generated column's expression stands in its table's definition, and NOT NULL too; a constraint trigger's constraint
-- is made by the trigger.
SELECT d.classid, d.objid, d.refclassid, d.refobjid, d.deptype::text AS how
FROM pg_depend d
WHERE d.objid >= 16384 AND d.refobjid >= 16384 OR (d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace('public'))
UNION ALL
SELECT 'pg_attrdef'::regclass, d.oid, 'pg_class'::regclass, d.adrelid, 'i'
FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated <> '' AND d.oid >= 16384
UNION ALL
SELECT 'pg_constraint'::regclass, c.oid, 'pg_class'::regclass, c.conrelid, 'i' FROM pg_constraint c WHERE c.contype = 'n' AND c.conrelid >= 16384
UNION ALL
SELECT 'pg_constraint'::regclass, c.oid, 'pg_type'::regclass, c.contypid, 'i' FROM pg_constraint c WHERE c.contype = 'n' AND c.contypid >= 16384
UNION ALL
SELECT 'pg_constraint'::regclass, t.tgconstraint, 'pg_trigger'::regclass, t.oid, 'i'
FROM pg_trigger t JOIN pg_constraint c ON c.oid = t.tgconstraint AND c.contype = 't'
