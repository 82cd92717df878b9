-- Filled as its owner's own REFRESH would: policies of the tables hold.
SELECT 0::oid AS class, 0::oid AS oid, 'contents of materialized view ' || c.oid::regclass AS name, ARRAY[c.oid] AS needs,
       format(E'SET row_security = on;\nREFRESH MATERIALIZED VIEW %s;', c.oid::regclass) AS sql
FROM pg_class c
WHERE c.relkind = 'm' AND c.relispopulated AND c.oid >= 16384
ORDER BY 3
