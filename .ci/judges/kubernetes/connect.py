"""The way into a database of a cluster, walked by `paas` from outside: every command that leads in, a forwarded port under a failover,
and the check, which has to name each hop that is broken in turn. psql and kubectl judge."""

import base64
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time

from keep import STOCK
from lab import Wrong

# Alone on its node CloudNativePG takes a primary back in a few seconds; other parts run beside this one.
FAILOVER = 90  # seconds


class Paas:
    """`paas` with a home of its own, which says no more of the cluster than KUBECONFIG does."""

    def __init__(self, space):
        self.space = space
        self.home = pathlib.Path(space.lab.folder) / "log" / f"home-{space.name}"
        self.where = ["--cluster", "--namespace", space.name, "--home", self.home]

    def run(self, *words, code=0, stdin=None, seconds=60):
        words, rest = self.split(words)
        done = self.space.lab.run(self.space.lab.paas, *words, *self.where, *rest, stdin=stdin, seconds=seconds)
        if done.returncode != code:
            raise Wrong(f"paas {' '.join(map(str, words))}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}")
        return done

    def says(self, *words, **more):
        return self.run(*words, **more).stdout.strip()

    def refuses(self, what, *words, code=1):
        """Fails with this code of ours."""
        said = self.run(*words, code=code).stderr
        if what not in said:
            raise Wrong(f"paas {' '.join(words)}: no {what} in {said}")

    def begin(self, *words):
        words, rest = self.split(words)
        return Running([self.space.lab.paas, *words, *self.where, *rest], self.space.lab.environment)

    @staticmethod
    def split(words):
        """What follows -- is for another program."""
        at = words.index("--") if "--" in words else len(words)
        return words[:at], words[at:]


class Running:
    """A command that stays, and its lines as they come."""

    def __init__(self, words, environment):
        words = ["setpriv", "--pdeathsig", "KILL", *map(str, words)]
        self.process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines, self.told = queue.Queue(), []
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stdout], daemon=True).start()
        threading.Thread(target=lambda: self.told.extend(self.process.stderr), daemon=True).start()

    def line(self, pattern, seconds=30):
        """The next line that has this in it."""
        end, seen = time.monotonic() + seconds, []
        while (left := end - time.monotonic()) > 0:
            try:
                seen.append(self.lines.get(timeout=left))
            except queue.Empty:
                break
            if re.search(pattern, seen[-1]):
                return seen[-1].strip()
        raise Wrong(f"no line with {pattern!r} within {seconds} s, but {seen[-5:]} and {self.told[-5:]}")

    def said(self, pattern, _after):
        """Whether a line with this comes within 2 seconds."""
        try:
            return self.line(pattern, 2)
        except Wrong:
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ctrl-C is how people end it."""
        self.process.send_signal(signal.SIGINT)
        try:
            if (code := self.process.wait(timeout=15)) not in (0, 130):
                raise Wrong(f"it ended with {code}: {self.told[-5:]}")
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Wrong("it did not end by Ctrl-C") from None


def here(space, uri, statement, **variables):
    """psql on the host, outside of the cluster."""
    words = ("psql", uri, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement)
    environment = space.lab.environment | {"PGCONNECT_TIMEOUT": "10"} | variables
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)


def inside(space, uri, statement="select session_user || ' in ' || current_database()"):
    done = space.lab.psql(uri, statement)
    if done.returncode:
        raise Wrong(f"psql in the cluster: {done.stderr.strip()}")
    return done.stdout.strip()


def expect(seen, wanted, what):
    if seen != wanted:
        raise Wrong(f"{what}: {seen!r}, not {wanted!r}")


def entry(space, secret, key):
    return base64.b64decode(space.get("secret", secret)["data"][key]).decode()


def part(space, _given):
    space.start(*STOCK)
    two = [{"name": "app", "owner": "app"}, {"name": "other", "owner": "app"}]
    space.instance("way", replicas=2, users=[{"name": "app"}, {"name": "report"}], databases=two)
    space.instance("alone")
    space.instance("plain", runtime="StatefulSet", engine={"version": "17"})
    for name in ("way", "alone", "plain"):
        space.ready(name, 240)
    paas = Paas(space)
    credentials(space, paas)
    sessions(paas)
    stateful(space, paas)
    logs(space, paas)
    broken(space, paas)
    forward(space, paas)


def credentials(space, paas):
    """What a program in the cluster is given, tried by psql there."""
    expect(paas.says("db", "url", "way"), space.uri("way"), "the URL is the binding's")
    expect(inside(space, paas.says("db", "url", "way")), "app_a in app", "the URL")
    expect(inside(space, paas.says("db", "url", "way", "--database", "other")), "app_a in other", "another database")
    expect(inside(space, paas.says("db", "url", "way", "--user", "report")), "report_a in app", "another user")
    verified = paas.says("db", "url", "way", "--tls")
    expect("sslmode=verify-full" in verified, True, verified)
    expect(inside(space, verified), "app_a in app", "the verified URL")
    told = json.loads(paas.says("db", "url", "way", "-o", "json"))
    expect((told["username"], told["database"], told["sslmode"]), ("app_a", "app", "require"), "the URL as JSON")
    said = json.loads(paas.says("db", "env", "way", "--format", "json"))
    expect(inside(space, said["DATABASE_URL"]), "app_a in app", "DATABASE_URL")
    shell = paas.says("db", "env", "way")
    done = space.lab.run(space.lab.lab / "exec", space.lab.folder, "--", "sh", "-c", f"{shell}\npsql -XAtqc 'select session_user'")
    expect(done.stdout.strip(), "app_a", f"the variables of a shell {done.stderr}")
    expect(paas.says("db", "env", "way", "--format", "pgpass"), entry(space, "way.binding", "pgpass"), "the line of a .pgpass")
    expect(paas.says("db", "env", "way", "--format", "jdbc"), entry(space, "way.binding", "jdbc-uri"), "JDBC's URL")
    expect(paas.says("db", "env", "way", "--format", "binding"), "way.binding", "the binding")
    expect(paas.says("db", "env", "way", "--format", "binding", "--user", "report"), "way.binding.report", "the other binding")
    paas.refuses("PAAS-CLI-0008", "db", "url", "way", "--user", "nobody")
    paas.refuses("PAAS-CLI-0008", "db", "url", "way", "--database", "nothing")
    paas.refuses("PAAS-CLI-0003", "db", "url", "nowhere")
    space.say("url and env: psql in the cluster gets in by every form")


def sessions(paas):
    """From outside, through the API server."""
    expect(paas.says("db", "sql", "way", "-c", "select session_user as who", "-o", "name"), "app_a", "sql")
    told = paas.says("db", "connect", "way", "--", "-Xc", "\\conninfo")
    expect("SSL connection" in told, True, f"connect, with TLS: {told}")
    paas.run("db", "sql", "way", "-c", "create table kept (n int primary key); insert into kept select generate_series(1, 1000)")
    dump = paas.home / "way.sql"
    paas.run("db", "dump", "way", "--file", dump)
    paas.run("db", "load", "way", dump, "--database", "other")
    expect(paas.says("db", "sql", "way", "--database", "other", "-c", "select count(*) from kept", "-o", "name"), "1000", "a dump that was loaded")
    paas.refuses("PAAS-CLI-0046", "db", "dump", "way", "--pg-dump")
    paas.refuses("PAAS-CLI-0046", "db", "load", "way", dump, "--admin")
    top = json.loads(paas.says("db", "top", "way", "--once", "-o", "json"))
    expect("app" in [d["name"] for d in top["databases"]], True, f"top: {top}")
    paas.says("db", "sql", "way", "-c", "select 1", "--tls")


def stateful(space, paas):
    """A server without TLS, of the other runtime."""
    expect(paas.says("db", "url", "plain"), space.uri("plain"), "the URL of a StatefulSet")
    paas.refuses("PAAS-PG-0014", "db", "url", "plain", "--tls")
    expect(paas.says("db", "sql", "plain", "-c", "select session_user as who", "-o", "name"), "app_a", "sql of a StatefulSet")
    hops = {h["hop"]: h["state"] for h in json.loads(paas.says("db", "check", "plain", "-o", "json"))["hops"]}
    expect({h for h, state in hops.items() if state != "ok"}, {"tls"}, f"the hops of a StatefulSet: {hops}")
    paas.run("db", "sql", "plain", "-c", "select 1/0", code=1)
    last = paas.says("db", "logs", "plain", "-n", "20")
    expect("app_a@app ERROR:  division by zero" in last, True, f"the log of a StatefulSet: {last}")


def logs(space, paas):
    """Messages as PostgreSQL writes them, followed across the end of a pod."""
    paas.run("db", "sql", "alone", "-c", "select 1 / 0", code=1)
    last = space.until("the log", lambda: "division by zero" in paas.says("db", "logs", "alone", "-n", "20") and paas.says("db", "logs", "alone", "-n", "20"), 20)
    if not re.search(r"^\d{4}-\d\d-\d\d [\d:.]+ UTC \[\d+\] app_a@app ERROR:  division by zero$", last, re.MULTILINE):
        raise Wrong(f"the log is not PostgreSQL's: {last}")
    lines = [json.loads(line) for line in paas.says("db", "logs", "alone", "-n", "20", "-o", "json").splitlines()]
    expect([line["pod"] for line in lines if line["level"] == "STATEMENT"][-1:], ["alone-1"], "the log as JSON")
    expect(len(lines) <= 20, True, "no more than was asked for")
    manager = paas.says("db", "logs", "alone", "--all")
    expect("instance-manager" in manager, True, "--all tells of the manager")
    with paas.begin("db", "logs", "alone", "-f", "-n", "0") as following:
        # It follows from when it has asked for the first time, which nobody outside can see.
        space.until("a line that is followed", lambda: following.said("before", paas.run("db", "sql", "alone", "-c", "select 'before' / 0", code=1)), 60)
        space.kubectl("delete", "pod", "alone-1", "--force", "--grace-period=0")
        space.until("it takes statements again", lambda: paas.run("db", "sql", "alone", "-c", "select 1"), FAILOVER)
        paas.run("db", "sql", "alone", "-c", "select 'after' / 0", code=1)
        following.line("after", FAILOVER)
    space.say("logs: told as PostgreSQL does, followed into a new pod")


def broken(space, paas):
    """Each hop is broken in turn, and has to be named; mended, all hold again."""
    holds = json.loads(paas.says("db", "check", "alone", "-o", "json"))
    if not holds["ok"] or {h["state"] for h in holds["hops"]} != {"ok"}:
        raise Wrong(f"check: {holds}")
    ways = []

    def names(hop, *more, name="alone"):
        report = json.loads(paas.says("db", "check", name, "-o", "json", *more, code=1))
        told = [h for h in report["hops"] if h["hop"] == report["broken"]]
        if report["broken"] != hop or not told[0]["remedy"] or not told[0]["code"]:
            raise Wrong(f"check names {report['broken']}, not {hop}: {json.dumps(report, indent=1)}")
        ways.append(hop)

    nobody = pathlib.Path(space.lab.folder) / "log" / "nobody.kubeconfig"
    kubeconfig = pathlib.Path(space.lab.environment["KUBECONFIG"]).read_text()
    nobody.write_text(re.sub(r"(server:.*127\.0\.0\.1):\d+", r"\1:1", kubeconfig))
    os.chmod(nobody, 0o600)
    names("api", "--kubeconfig", nobody)
    names("object", name="nowhere")
    names("object", "--user", "nobody")
    # Nobody mends what is broken here before it is looked at.
    space.kubectl("annotate", "dbi", "alone", "paas.rs/paused=true")
    space.kubectl("annotate", "cluster", "alone", "cnpg.io/reconciliationLoop=disabled")
    for hop, kind, name, change in breaks(space):
        former = space.get(kind, name)
        change()
        space.until(f"check names {hop}", lambda hop=hop: names(hop) or True, 20)
        restore(space, kind, former)
    psql = ("exec", "alone-1", "-c", "postgres", "--", "psql", "-qc")
    space.kubectl(*psql, "alter role app_a set default_transaction_read_only = on")
    names("write")
    space.kubectl(*psql, "alter role app_a reset default_transaction_read_only")
    space.kubectl("delete", "pod", "alone-1", "--force", "--grace-period=0")
    names("pod")
    space.kubectl("annotate", "cluster", "alone", "cnpg.io/reconciliationLoop-")
    space.kubectl("annotate", "dbi", "alone", "paas.rs/paused-")
    space.until("all hops hold again", lambda: paas.run("db", "check", "alone"), FAILOVER)
    space.say(f"check: {', '.join(ways)} were broken in turn and named")


def breaks(space):
    """The hop, the object that is changed, and how."""

    def secret(key, value):
        return lambda: patch(space, "secret", "alone.binding", {"data": {key: base64.b64encode(value.encode()).decode()}})

    service = ("service", "alone-rw")
    port = {"name": "postgres", "port": 5432, "protocol": "TCP"}
    return [
        ("binding", "secret", "alone.binding", lambda: space.kubectl("delete", "secret", "alone.binding")),
        ("binding", "secret", "alone.binding", secret("port", "many")),
        ("service", *service, lambda: space.kubectl("delete", "service", "alone-rw")),
        ("endpoints", *service, lambda: patch(space, *service, {"spec": {"selector": {"cnpg.io/cluster": "another"}}})),
        ("forward", *service, lambda: patch(space, *service, {"spec": {"ports": [port | {"targetPort": 5433}]}})),
        ("tls", "secret", "alone.binding", secret("ca.crt", entry(space, "way.binding", "ca.crt"))),
        ("auth", "secret", "alone.binding", secret("password", "another one")),
    ]


def patch(space, kind, name, change):
    space.kubectl("patch", kind, name, "--type", "merge", "-p", json.dumps(change))


def restore(space, kind, former):
    """The same object as before, whether it is there or not."""
    for field in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        former["metadata"].pop(field, None)
    name = former["metadata"]["name"]
    space.kubectl("delete", kind, name, "--ignore-not-found")
    space.kubectl("create", "-f", "-", stdin=json.dumps(former))


def forward(space, paas):
    """A port of this machine, for programs that know nothing of the cluster; its primary is killed under it."""
    password = entry(space, "way.binding", "password")
    told = paas.says("db", "forward", "way", "--", "psql", "-XAtc", "select session_user || ' in ' || current_database()")
    expect(told, "app_a in app", "forward with a command")
    told = paas.says("db", "forward", "way", "--tls", "--", "sh", "-c", 'echo "$PGSSLMODE ${PGPASSWORD-none}"; psql "$DATABASE_URL" -XAtc "select 1"')
    expect(told, "verify-full none\n1", "forward with a command, verified, and no password in its environment")
    paas.run("db", "forward", "way", "--", "false", code=1)
    paas.refuses("PAAS-CLI-0044", "db", "forward", "way", "--", "no-such-program", code=2)
    paas.refuses("PAAS-CLI-0043", "db", "forward", "way", "--pooler")
    with paas.begin("db", "forward", "way") as running:
        url = running.line("^postgresql://")
        if password in url:
            raise Wrong("the URL has the password, and nobody asked for it")
        port = re.search(r":(\d+)/", url)[1]
        paas.refuses("PAAS-K8S-0030", "db", "forward", "way", "--port", port)
        expect(here(space, url, "select count(*) from kept", PGPASSWORD=password).stdout.strip(), "1000", "psql by the URL")
        clients = [subprocess.Popen(["psql", url, "-XAtqc", "select pg_sleep(1), 1"], env=space.lab.environment | {"PGPASSWORD": password}, stdout=subprocess.PIPE) for _ in range(10)]
        expect([c.wait(timeout=60) for c in clients], [0] * 10, "ten clients at once")
        failover(space, url, password)
    with paas.begin("db", "forward", "way", "--with-password", "-o", "json") as running:
        told = json.loads(running.line("^{"))
        expect(here(space, told["uri"], "select 1").stdout.strip(), "1", "psql by the URL with its password")


def failover(space, url, password):
    """Without another word, new connections reach the new primary; the one that was open is closed."""
    primary = space.get("cluster", "way")["status"]["currentPrimary"]
    words = ["psql", url, "-XAtq", "-c", "select pg_advisory_lock(7), pg_sleep(300)"]
    open_ = subprocess.Popen(words, env=space.lab.environment | {"PGPASSWORD": password}, stderr=subprocess.PIPE, text=True)
    space.until("a session is open", lambda: here(space, url, "select pg_try_advisory_lock(7)", PGPASSWORD=password).stdout.strip() == "f", 20)
    space.kubectl("delete", "pod", primary, "--force", "--grace-period=0")
    began = time.monotonic()
    tried, last = 0, None
    while time.monotonic() - began < FAILOVER:
        tried += 1
        last = here(space, url, f"insert into kept values ({10_000 + tried}) returning n", PGPASSWORD=password)
        now = space.get("cluster", "way")["status"].get("currentPrimary")
        if last.returncode == 0 and now != primary:
            break
    else:
        raise Wrong(f"no write reaches the new primary: {last.stderr if last else ''}")
    waited = time.monotonic() - began
    try:
        code = open_.wait(timeout=30)
    except subprocess.TimeoutExpired:
        open_.kill()
        raise Wrong("the session with the former primary is still open") from None
    expect(code != 0, True, "the open session ends with an error")
    space.say(f"forward: after {primary} was killed, the same URL writes to {now} {waited:.1f} s later ({tried} tries of psql)")
