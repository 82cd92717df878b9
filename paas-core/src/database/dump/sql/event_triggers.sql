SELECT 'pg_event_trigger'::regclass::oid AS class, e.oid, format('event trigger %I', e.evtname) AS name, '{}'::oid[] AS needs,
       format('CREATE EVENT TRIGGER %I ON %s', e.evtname, e.evtevent)
       || coalesce((SELECT format(E'\n    WHEN TAG IN (%s)', string_agg(quote_literal(t), ', ')) FROM unnest(e.evttags) t HAVING count(*) > 0), '')
       || format(E'\n    EXECUTE FUNCTION %s();', e.evtfoid::regproc)
       || format(E'\nALTER EVENT TRIGGER %I OWNER TO %s;', e.evtname, e.evtowner::regrole)
       || CASE e.evtenabled WHEN 'O' THEN '' ELSE format(E'\nALTER EVENT TRIGGER %I %s;', e.evtname,
            CASE e.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END) END AS sql
FROM pg_event_trigger e
WHERE e.oid >= 16384
ORDER BY 3
