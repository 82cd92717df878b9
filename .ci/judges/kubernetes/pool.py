"""A pooler in front of the servers, and servers that rest: CloudNativePG's PgBouncer with many clients at once, and none at all."""

import concurrent.futures
import os
import pathlib

from lab import Wrong

CLIENTS = 30
POOL = 3
ROWS = 1000


def image(lab):
    """Loads an image with PgBouncer; says why there is none."""
    cache = pathlib.Path(os.environ.get("PAAS_CI_CACHE") or pathlib.Path.home() / ".cache" / "paas-ci")
    cache.mkdir(parents=True, exist_ok=True)
    made = lab.run(pathlib.Path(__file__).parent / "pgbouncer", lab.lab, cache / "pgbouncer-trixie.tar", seconds=600)
    if made.returncode:
        return made.stderr.strip() or "its image cannot be made"
    loaded = lab.run(lab.lab / "load", lab.folder, cache / "pgbouncer-trixie.tar", seconds=120)
    return loaded.stderr.strip() if loaded.returncode else None


def entry(space, name, key):
    secret = space.get("dbi", name)["status"]["binding"]["name"]
    return space.kubectl("get", "secret", secret, "-o", f'go-template={{{{index .data "{key}"|base64decode}}}}')


def part(space, _given):
    missing = image(space.lab)
    space.start()
    pooler = None if missing else {"mode": "Transaction", "poolSize": POOL, "maxClients": 200}
    space.instance("pool", **({"pooler": pooler} if pooler else {}))
    space.answers("pool", 180)
    space.sql("pool", f"create table kept (n int); insert into kept select generate_series(1, {ROWS})")
    space.until("the server is trusted", lambda: trusted(space, "uri") or True, 30)
    space.say("ca.crt of the binding proves the server (verify-full)")
    if missing:
        space.say(f"did not run: a pooler: {missing}")
    else:
        pooled(space)
    rest(space)


def trusted(space, key):
    """By the authority of the binding the server is who it says it is, under the name that the binding has."""
    authority = pathlib.Path(space.lab.folder) / "log" / f"{space.name}.crt"
    authority.write_text(entry(space, "pool", "ca.crt"))
    uri = entry(space, "pool", key).replace("sslmode=require", f"sslmode=verify-full&sslrootcert={authority}")
    done = space.lab.psql(uri, "select 1")
    if "verify-full" not in uri or done.returncode:
        raise Wrong(f"{key} with verify-full: {done.stderr.strip()}")


def pooled(space):
    uri = entry(space, "pool", "pooler-uri")
    who = space.lab.psql(uri, "select current_user || ' by ' || session_user || ', ' || count(*) from kept")
    if who.returncode or who.stdout.strip() != f"app by app_a, {ROWS}":
        raise Wrong(f"through the pooler: {who.stdout.strip()} {who.stderr.strip()}")
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        statement = "select pg_backend_pid() from pg_sleep(0.2)"
        said = list(clients.map(lambda _: space.lab.psql(uri, statement, seconds=90), range(CLIENTS)))
    if refused := [s.stderr.strip() for s in said if s.returncode]:
        raise Wrong(f"{len(refused)} of {CLIENTS} clients were refused: {refused[0]}")
    servers = {s.stdout.strip() for s in said}
    if len(servers) > POOL:
        raise Wrong(f"{CLIENTS} clients took {len(servers)} connections, and the pool has {POOL}")
    space.until("the pooler is trusted", lambda: trusted(space, "pooler-uri") or True, 30)
    space.say(f"{CLIENTS} clients at once through the pooler shared {len(servers)} connections")
    space.kubectl("annotate", "dbi", "pool", "paas.rs/rotate=once")
    space.until("the binding has another password", lambda: entry(space, "pool", "pooler-uri") != uri, 60)
    for each in (uri, entry(space, "pool", "pooler-uri")):
        done = space.lab.psql(each, "select 1")
        if done.returncode:
            raise Wrong(f"after a rotation, through the pooler: {done.stderr.strip()}")
    space.say("after a rotation both passwords pass the pooler")
    space.kubectl("patch", "dbi", "pool", "--type=json", "-p", '[{"op": "remove", "path": "/spec/pooler"}]')
    space.answers("pool")
    space.until("the pooler is gone", lambda: not space.all("poolers.postgresql.cnpg.io"), 60)
    if "pooler-uri" in space.get("secret", space.get("dbi", "pool")["status"]["binding"]["name"])["data"]:
        raise Wrong("the binding still names a pooler")


def rest(space):
    uri = space.uri("pool")
    space.patch("pool", stopped=True)
    space.ready("pool")
    if pods := [p["metadata"]["name"] for p in space.all("pods") if p["status"]["phase"] == "Running"]:
        raise Wrong(f"stopped and Ready, and these still run: {', '.join(pods)}")
    space.patch("pool", stopped=False)
    space.answers("pool")
    if space.uri("pool") != uri or space.sql("pool", "select count(*) from kept") != str(ROWS):
        raise Wrong("after a rest something is missing")
    space.say("stopped: no server runs; started again: the same rows, the same connection string")
