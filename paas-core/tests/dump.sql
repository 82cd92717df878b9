-- One of every kind of object that a dump must carry. Run as the platform's administrator; app, reader and writer are there.
SET ROLE app;
CREATE SCHEMA "Odd Name";
COMMENT ON SCHEMA "Odd Name" IS 'it''s odd';
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO reader;

CREATE TYPE shop.mood AS ENUM ('sad', 'o''k', 'very happy');
CREATE TYPE shop.address AS (street text COLLATE "C", no int, tags text[]);
COMMENT ON COLUMN shop.address.no IS 'a house''s number';
CREATE FUNCTION shop.positive(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE DOMAIN shop.amount AS int DEFAULT 1 NOT NULL CONSTRAINT is_positive CHECK (shop.positive(VALUE));
COMMENT ON DOMAIN shop.amount IS 'more than nothing';
COMMENT ON CONSTRAINT is_positive ON DOMAIN shop.amount IS 'really';
CREATE TYPE shop.span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi, MULTIRANGE_TYPE_NAME = shop.spans);
GRANT USAGE ON TYPE shop.mood TO reader;
REVOKE USAGE ON TYPE shop.mood FROM PUBLIC;

CREATE SEQUENCE shop.tickets AS smallint START 5 INCREMENT 3 MINVALUE 2 MAXVALUE 999 CACHE 4 CYCLE;
SELECT nextval('shop.tickets');
CREATE SEQUENCE shop.untouched START 42;
SELECT setval('shop.untouched', 77, false);

CREATE TABLE shop.customer (
    id bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5) PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    "Mixed ""Case" varchar(20) DEFAULT E'a\\b''c',
    feels shop.mood DEFAULT 'o''k',
    home shop.address,
    lower_name text GENERATED ALWAYS AS (lower(name)) STORED,
    price numeric(10, 2),
    CONSTRAINT priced CHECK (price > 0 OR price IS NULL),
    UNIQUE (name) INCLUDE (price) DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE shop.customer ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE shop.customer ALTER COLUMN name SET STORAGE EXTERNAL;
ALTER TABLE shop.customer ALTER COLUMN name SET COMPRESSION pglz;
ALTER TABLE shop.customer ALTER COLUMN price SET (n_distinct = -0.5);
ALTER TABLE shop.customer CLUSTER ON customer_pkey;
COMMENT ON TABLE shop.customer IS E'line one\nline two\\';
COMMENT ON COLUMN shop.customer."Mixed ""Case" IS 'mixed';
COMMENT ON CONSTRAINT priced ON shop.customer IS 'priced';
COMMENT ON INDEX shop.customer_pkey IS 'the key';
INSERT INTO shop.customer (name, "Mixed ""Case", home, price) VALUES
    (E'tab\there', E'new\nline', ROW('a,b "c"', 7, ARRAY['x', NULL, '{}']), 1.50), ('', NULL, NULL, 'NaN'), (E'\\N', '\.', NULL, NULL);

CREATE TABLE shop.orders (
    no serial,
    customer bigint REFERENCES shop.customer ON DELETE CASCADE DEFERRABLE,
    parent int,
    amount shop.amount,
    during tstzrange,
    at timestamptz DEFAULT now(),
    PRIMARY KEY (no),
    EXCLUDE USING gist (during WITH &&)
);
ALTER TABLE shop.orders ADD CONSTRAINT nested FOREIGN KEY (parent) REFERENCES shop.orders NOT VALID;
ALTER TABLE shop.orders REPLICA IDENTITY FULL;
INSERT INTO shop.orders (customer, parent, amount, during, at) VALUES
    (10, NULL, 3, '[2020-01-01, 2020-02-01)', 'infinity'), (15, 1, 4, NULL, '-infinity'), (NULL, NULL, 5, 'empty', '2024-02-29 12:00:00.123456+05:30');
-- Two tables that need each other.
CREATE TABLE shop.egg (id int PRIMARY KEY, hen int);
CREATE TABLE shop.hen (id int PRIMARY KEY, egg int REFERENCES shop.egg);
INSERT INTO shop.egg VALUES (1, 1);
INSERT INTO shop.hen VALUES (1, 1);
ALTER TABLE shop.egg ADD FOREIGN KEY (hen) REFERENCES shop.hen;

CREATE UNLOGGED TABLE shop.fleeting (a int);
CREATE TABLE shop.no_columns ();
INSERT INTO shop.no_columns DEFAULT VALUES;
INSERT INTO shop.no_columns DEFAULT VALUES;
CREATE TABLE shop.dropped (gone int, kept int, "select" text);
ALTER TABLE shop.dropped DROP COLUMN gone;
INSERT INTO shop.dropped VALUES (1, 'x');
CREATE TABLE shop.typed OF shop.address (no NOT NULL);
INSERT INTO shop.typed VALUES ('s', 1, '{}');

CREATE TABLE shop.base (a int NOT NULL DEFAULT 1, b text, CHECK (a > 0));
CREATE TABLE shop.derived (c int) INHERITS (shop.base);
ALTER TABLE shop.derived ALTER COLUMN a SET DEFAULT 2;
ALTER TABLE shop.derived ALTER COLUMN b SET NOT NULL;
INSERT INTO shop.base VALUES (1, 'base');
INSERT INTO shop.derived VALUES (2, 'derived', 3);

CREATE TABLE shop.event (day date NOT NULL, kind text, n int DEFAULT 7, PRIMARY KEY (day, kind)) PARTITION BY RANGE (day);
CREATE TABLE shop.event_2023 PARTITION OF shop.event FOR VALUES FROM (MINVALUE) TO ('2024-01-01') PARTITION BY LIST (kind);
CREATE TABLE shop.event_2023_a PARTITION OF shop.event_2023 FOR VALUES IN ('a', 'b''c');
CREATE TABLE shop.event_2023_rest PARTITION OF shop.event_2023 DEFAULT;
CREATE TABLE shop.event_2024 (n int, kind text NOT NULL, extra_gone int, day date NOT NULL);
ALTER TABLE shop.event_2024 DROP COLUMN extra_gone;
ALTER TABLE shop.event ATTACH PARTITION shop.event_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX event_n ON shop.event (n) WHERE n > 1;
CREATE TABLE shop.hashed (a int) PARTITION BY HASH (a);
CREATE TABLE shop.hashed_0 PARTITION OF shop.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shop.hashed_1 PARTITION OF shop.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO shop.event VALUES ('2023-05-05', 'a', 7), ('2023-05-06', 'z', 8), ('2024-05-05', 'a', 1);
INSERT INTO shop.hashed SELECT generate_series(1, 20);
ALTER TABLE shop.orders ADD COLUMN day date, ADD COLUMN kind text, ADD FOREIGN KEY (day, kind) REFERENCES shop.event;

CREATE UNIQUE INDEX customer_lower ON shop.customer (lower(name) DESC NULLS LAST) WHERE price IS NOT NULL;
COMMENT ON INDEX shop.customer_lower IS 'by name';
CREATE INDEX "Odd index" ON shop.customer USING gin ((to_tsvector('english'::regconfig, name)));
CREATE STATISTICS shop.together (dependencies, ndistinct) ON name, price FROM shop.customer;
ALTER STATISTICS shop.together SET STATISTICS 77;

CREATE FUNCTION shop.later() RETURNS SETOF shop.customer LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT * FROM shop.customer; END $$;
CREATE FUNCTION shop.atomic(a int DEFAULT 3, VARIADIC b text[] DEFAULT '{}') RETURNS bigint LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT CASE WHEN a > 1 THEN count(*) ELSE 0 END FROM shop.customer;
END;
CREATE PROCEDURE shop.act(INOUT x int) LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '5MB' AS $body$ BEGIN x := x + 1; END; $body$;
COMMENT ON FUNCTION shop.later() IS 'semicolon; here';
REVOKE ALL ON FUNCTION shop.later() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.later() TO reader WITH GRANT OPTION;
CREATE AGGREGATE shop.product(int) (SFUNC = int4mul, STYPE = int, INITCOND = '1', PARALLEL = SAFE, COMBINEFUNC = int4mul);
CREATE AGGREGATE shop.rows_of(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
COMMENT ON AGGREGATE shop.product(int) IS 'multiplied';

CREATE VIEW shop.cheap WITH (security_barrier) AS SELECT id, name FROM shop.customer WHERE price < 2 WITH LOCAL CHECK OPTION;
ALTER VIEW shop.cheap ALTER COLUMN name SET DEFAULT 'nobody';
COMMENT ON COLUMN shop.cheap.name IS 'a view''s column';
-- It needs the primary key.
CREATE VIEW shop.grouped AS SELECT c.id, c.name, count(*) FROM shop.customer c JOIN shop.orders o ON o.customer = c.id GROUP BY c.id;
CREATE MATERIALIZED VIEW shop.a_top AS SELECT * FROM shop.grouped;
CREATE MATERIALIZED VIEW shop.a_again WITH (fillfactor = 60) AS SELECT id FROM shop.a_top;
CREATE MATERIALIZED VIEW shop.never AS SELECT 1 AS one WITH NO DATA;
CREATE UNIQUE INDEX a_top_id ON shop.a_top (id);
COMMENT ON MATERIALIZED VIEW shop.a_top IS 'm';
CREATE RULE quiet AS ON DELETE TO shop.egg WHERE OLD.id > 5 DO INSTEAD (SELECT 1; SELECT 2);
CREATE RULE off AS ON UPDATE TO shop.egg DO ALSO NOTHING;
ALTER TABLE shop.egg DISABLE RULE off;
COMMENT ON RULE quiet ON shop.egg IS 'r';

CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := NEW.b || '!'; RETURN NEW; END $$;
CREATE FUNCTION shop.noop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER "Note it" BEFORE INSERT OR UPDATE OF b ON shop.base FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION shop.note();
CREATE TRIGGER silent AFTER DELETE ON shop.base FOR EACH STATEMENT EXECUTE FUNCTION shop.noop();
ALTER TABLE shop.base DISABLE TRIGGER silent;
CREATE TRIGGER replica AFTER INSERT ON shop.event FOR EACH ROW EXECUTE FUNCTION shop.noop();
ALTER TABLE shop.event ENABLE ALWAYS TRIGGER replica;
CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON shop.hen DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.noop();
COMMENT ON TRIGGER "Note it" ON shop.base IS 't';

ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.hen ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.customer FOR SELECT TO reader, writer USING (name = current_user);
CREATE POLICY tight ON shop.customer AS RESTRICTIVE FOR INSERT WITH CHECK (price > 0);
COMMENT ON POLICY own ON shop.customer IS 'p';

GRANT SELECT, INSERT ON shop.customer TO reader;
GRANT UPDATE (name, price) ON shop.customer TO writer WITH GRANT OPTION;
GRANT SELECT ON shop.cheap TO PUBLIC;
REVOKE ALL ON shop.egg FROM app;
GRANT USAGE, SELECT ON SEQUENCE shop.tickets TO writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Every type of value that has its own way of being text.
CREATE TABLE "Odd Name"."Every ""Value" (
    n int PRIMARY KEY, t text, b bytea, a text[], i int[][], j json, jb jsonb, d date, ts timestamp, iv interval, f float8, r float4, num numeric,
    x xml, u uuid, ip inet, bits varbit, pt point, sp shop.span, sps shop.spans, c char(5), bo boolean, v tsvector, m shop.mood[]
);
INSERT INTO "Odd Name"."Every ""Value" VALUES
    (1, E'\ttab\nline\r\\.\\N\\', '\x00ff0a5c09', ARRAY[E'a"b\\', NULL, 'NULL', ''], '{{1,2},{3,4}}', '{"a" :  1}', '{"b": "\u0007"}', 'infinity',
     '-infinity', '-1 year -2 mons +3 days 04:05:06.789', 'NaN', '-Infinity', 'Infinity', '<a>&lt;</a>', '00000000-0000-0000-0000-00000000000a',
     '::1/64', B'10101', '(1.1,-0)', '[1,2)', '{[1,2),[3,4]}', 'ab', true, 'a:1A b:2', '{"very happy",sad}'),
    (2, E'\\.', '', '{}', NULL, 'null', '[]', '0044-03-15 BC', '294276-12-31', '0', 5e-324, 3.4028235e38, 1e-50, NULL, NULL, NULL, NULL, NULL, 'empty', '{}', '', false, NULL, NULL),
    (3, repeat(E'long\t', 50000), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0.1, 0.1, 123456789012345678901234567890.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
RESET ROLE;
-- What only the administrator may make.
CREATE FUNCTION shop.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER watched ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION shop.watch();
ALTER EVENT TRIGGER watched DISABLE;
COMMENT ON EVENT TRIGGER watched IS 'e';
