"""The way that the documents show, and what our layer adds to CloudNativePG's own time to ready."""

import json
import pathlib
import statistics
import threading
import time

from lab import DATABASE, Wrong, plain

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROUTES = 10  # seconds that a node may take to learn where a Service leads, after its pods are ready
GOAL, LIMIT = 1.0, 15.0  # seconds that our layer may add: what we aim at, and what nothing but a fault explains


def manifest():
    example = ROOT / "examples" / "database.yaml"
    return example.read_text() if example.exists() else DATABASE


def the_documents_way(space):
    """Definitions, operator, example, Ready, psql."""
    definitions = space.lab.run(space.lab.paas, "crds")
    if definitions.returncode:
        raise Wrong(f"paas crds: {definitions.stderr}")
    space.kubectl("apply", "--server-side", "-f", "-", stdin=definitions.stdout)
    space.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    space.start(level="info")  # it is timed
    name, seconds = ours(space, manifest())
    began = time.monotonic()
    who = "select current_database() || ' by ' || session_user || ', PostgreSQL ' || current_setting('server_version')"
    told = space.until("psql by the binding", lambda: space.sql(name, who), ROUTES)
    waited = time.monotonic() - began
    space.say(f"paas crds, paas-operator run, kubectl apply, wait, psql: {told}; Ready after {seconds['all']:.1f} s, psql {waited:.1f} s later")
    return name, seconds


def ours(space, text):
    """Applies an instance and notes when what is beneath it is made, is ready, and is Ready in our words."""
    began = time.monotonic()
    applied = json.loads(space.kubectl("apply", "-f", "-", "-o", "json", stdin=text))
    objects = [o for o in applied.get("items", [applied]) if o["kind"] == "DatabaseInstance"]
    name = objects[0]["metadata"]["name"]
    seen = {}

    def beneath():
        for moment, condition in (("made", "create"), ("healthy", "condition=Ready")):
            done = space.lab.run("kubectl", "-n", space.name, "wait", f"--for={condition}", f"cluster/{name}", "--timeout=150s", seconds=160)
            if done.returncode == 0:
                seen[moment] = time.monotonic() - began

    watcher = threading.Thread(target=beneath, daemon=True)
    watcher.start()
    space.kubectl("wait", "--for=condition=Ready", f"dbi/{name}", "--timeout=150s", seconds=160)
    seen["all"] = time.monotonic() - began
    watcher.join(timeout=10)
    return name, seen


def theirs(space, like, name):
    """The same Cluster without us."""
    wanted = plain(space.get("cluster", like), name)
    began = time.monotonic()
    space.apply(wanted)
    space.kubectl("wait", "--for=condition=Ready", f"cluster/{name}", "--timeout=150s", seconds=160)
    return time.monotonic() - began


def beside_plain(space, first, seconds, pairs):
    """In turn with CloudNativePG alone, each time with a new name; nothing else runs meanwhile."""
    with_us, without = [seconds["all"]], []
    added = [seconds["made"] + seconds["all"] - seconds["healthy"]]
    for turn in range(pairs):
        without.append(theirs(space, first, f"plain{turn}"))
        if turn + 1 < pairs:
            text = manifest().replace(f"name: {first}", f"name: again{turn}", 1)
            _, seen = ours(space, text)
            with_us.append(seen["all"])
            added.append(seen["made"] + seen["all"] - seen["healthy"])
    more = statistics.median(with_us) - statistics.median(without)

    def list_(values):
        return ", ".join(f"{v:.1f}" for v in values)

    space.say(f"time to ready: ours {list_(with_us)} s, CloudNativePG alone {list_(without)} s: {more:+.1f} s")
    space.say(f"in the same run, before its Cluster was there and after it was ready: {list_(added)} s (goal {GOAL:.0f} s)")
    worst = max(more, statistics.median(added))
    if not space.skips("ready: a limit of what our layer adds") and worst > LIMIT:
        raise Wrong(f"our layer adds {worst:.1f} s to CloudNativePG's own time to ready")


def part(space, given):
    first, seconds = the_documents_way(space)
    beside_plain(space, first, seconds, given.pairs)
    space.kubectl("delete", "cluster", "-l", "!paas.rs/owner", "--wait=false")
