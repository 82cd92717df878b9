"""The operator as people have it: its image, two pods on two nodes, installed, upgraded, taken away and installed again, over databases that run."""

import json
import pathlib
import tempfile

from keep import STOCK
from lab import Wrong

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent

HOME = "paas-system"
NAME = "paas-operator"
IMAGES = ("registry.local/paas-operator:one", "registry.local/paas-operator:two")

# What a database consists of.
MADE = "pods,pvc,secrets,configmaps,services,statefulsets,clusters.postgresql.cnpg.io,databases.postgresql.cnpg.io,databaseroles.postgresql.cnpg.io"

# Whose status changes by itself while a database only runs.
LIVELY = {"Cluster", "Pod"}


def image(space):
    """The image of the operator that is tried, on every node."""
    with tempfile.TemporaryDirectory() as folder:
        archive = pathlib.Path(folder) / "operator.tar"
        names = [word for name in IMAGES for word in ("--name", name)]
        done = space.lab.run(ROOT / ".ci" / "image", space.lab.operator, archive, *names, seconds=120)
        if done.returncode:
            raise Wrong(f".ci/image: {done.stderr}")
        space.say(done.stdout.strip().replace(str(archive), "image"))
        loaded = space.lab.run(space.lab.lab / "load", space.lab.folder, archive, seconds=180)
        if loaded.returncode:
            raise Wrong(f"the image cannot be loaded: {loaded.stderr}")


def operator(space, *words, code=0, seconds=240):
    """`paas operator …`, which has to end with this exit code; what it printed."""
    done = space.lab.run(space.lab.paas, "operator", *words, seconds=seconds)
    if done.returncode != code:
        raise Wrong(f"paas operator {' '.join(words)}: exit {done.returncode}, not {code}\n{done.stdout}{done.stderr}{log(space)}")
    return done.stdout


def log(space):
    return space.lab.run("kubectl", "-n", HOME, "logs", "-l", f"app.kubernetes.io/name={NAME}", "--tail", "40", "--prefix").stdout


def status(space, ready=2):
    """How the operator says that it is, checked against what kubectl says."""
    seen = json.loads(operator(space, "status", "-o", "json"))
    pods = json.loads(space.lab.kubectl("-n", HOME, "get", "pods", "-l", f"app.kubernetes.io/name={NAME}", "-o", "json"))["items"]
    alive = {p["metadata"]["name"]: p for p in pods if "deletionTimestamp" not in p["metadata"]}
    nodes = {p["spec"]["nodeName"] for p in alive.values()}
    if len(alive) != ready or len(nodes) != ready:
        raise Wrong(f"{ready} pods on as many nodes are wanted, and there are {sorted(alive)} on {sorted(nodes)}")
    said = {p["name"]: p["node"] for p in seen["pods"] if p["phase"] != "Terminating"}
    if said != {name: p["spec"]["nodeName"] for name, p in alive.items()}:
        raise Wrong(f"paas operator status says {said}")
    return seen, alive


def led(space):
    """Waits for one leader among the pods, by the lease; the name of its pod."""

    def leader():
        lease = json.loads(space.lab.kubectl("-n", HOME, "get", "lease", NAME, "-o", "json"))
        holder = lease["spec"].get("holderIdentity", "").rsplit("_", 1)[0]
        seen, alive = status(space)
        return holder if holder in alive and (seen["leader"] or {}).get("pod") == holder else None

    return space.until("a leader", leader, 60)


def contained(pods):
    """Every pod is as little as it can be. The level of the namespace enforces the rest."""
    for pod in pods.values():
        context = pod["spec"]["containers"][0]["securityContext"]
        if context.get("readOnlyRootFilesystem") is not True or context["capabilities"] != {"drop": ["ALL"]}:
            raise Wrong(f"the pod may do too much: {context}")


def pods_of_databases(space):
    """What a restart would change."""
    pods = [p for p in space.all("pods") if p["status"].get("phase") == "Running"]

    def starts(pod):
        states = pod["status"]["containerStatuses"]
        return tuple((s["restartCount"], s["state"].get("running", {}).get("startedAt")) for s in states)

    return {p["metadata"]["name"]: (p["metadata"]["uid"], starts(p)) for p in pods}


def written(space):
    """The versions of all that databases consist of and that does not change by itself."""
    objects = space.all(MADE)
    return {
        f"{o['kind']}/{o['metadata']['name']}": (o["metadata"]["uid"], o["metadata"].get("generation" if o["kind"] in LIVELY else "resourceVersion"))
        for o in objects
        if not (o["kind"] == "ConfigMap" and "ledger" in o["metadata"]["name"])
    }


def the_same(what, before, after):
    if before != after:
        differ = [f"{name}: {before.get(name)} → {after.get(name)}" for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
        raise Wrong(f"{what}:\n" + "\n".join(sorted(differ)))


def denied(space):
    """What the API server did not allow the operator."""
    lines = [line for line in log(space).splitlines() if "forbidden" in line.lower()]
    if lines:
        raise Wrong("the role lacks something:\n" + "\n".join(lines[:5]))


def part(space, _given):
    try:
        life(space)
    except Wrong as wrong:
        raise Wrong(f"{wrong}\nthe operator's log ends:\n{log(space)}") from wrong


def life(space):
    image(space)
    chosen = ("--image", IMAGES[0], *STOCK)
    printed = operator(space, "install", *chosen, "--print")
    if printed != operator(space, "install", *chosen, "--print"):
        raise Wrong("the same options print another text")
    space.lab.kubectl("apply", "--server-side", "-f", "-", stdin=printed)
    operator(space, "install", *chosen, "--timeout", "200s")
    if "Nothing would change" not in operator(space, "install", *chosen, "--dry-run"):
        raise Wrong("an installation that is there would be changed")
    first = led(space)
    contained(status(space)[1])
    space.say(f"from Git, then by `install`: two pods on two nodes, {first} leads")

    runs = {"one": {"runtime": "CloudNativePG"}, "two": {"runtime": "CloudNativePG"}, "three": {"runtime": "StatefulSet", "engine": {"version": "17"}}}
    for name, spec in runs.items():
        space.instance(name, **spec)
    for name in runs:
        space.answers(name)
        space.sql(name, "create table kept (n int); insert into kept values (7)")
    denied(space)
    seen, _ = status(space)
    counted = {o["kind"]: (o["total"] >= 3, o["ready"] >= 3) for o in seen["objects"]}
    if counted["DatabaseInstance"] != (True, True):
        raise Wrong(f"status counts {seen['objects']}")

    before = pods_of_databases(space)
    operator(space, "upgrade", "--image", IMAGES[1], "--timeout", "200s")
    led(space)
    if {p["spec"]["containers"][0]["image"] for p in status(space)[1].values()} != {IMAGES[1]}:
        raise Wrong("a pod has the former image")
    the_same("an upgrade restarted databases", before, pods_of_databases(space))
    space.say("upgraded to another image: none of three databases was restarted")

    for name in runs:
        space.ready(name)
    left = written(space)
    operator(space, "uninstall", "--yes", "--crds", code=4)
    operator(space, "uninstall", "--yes")
    operator(space, "status", code=1)
    roles = space.lab.kubectl("-n", HOME, "get", "clusterroles,clusterrolebindings,deployments,leases", "-o", "name")
    if f"/{NAME}" in roles:
        raise Wrong(f"something of the installation is left: {roles}")
    for name in runs:
        if space.sql(name, "select n from kept") != "7":
            raise Wrong(f"{name} does not answer without the operator")
    operator(space, "install", "--image", IMAGES[1], *STOCK, "--timeout", "200s")
    led(space)
    space.instance("four", runtime="StatefulSet", engine={"version": "17"})
    space.ready("four", 240)
    now = {name: version for name, version in written(space).items() if name in left}
    the_same("an operator that came back wrote something", left, now)
    the_same("an operator that came back restarted databases", before, {n: p for n, p in pods_of_databases(space).items() if n in before})
    space.say("uninstalled and installed again: databases answered all the while, and nothing of theirs was written")

    operator(space, "upgrade", "--watch-namespace", space.name, "--timeout", "200s")
    led(space)
    if NAME in space.lab.kubectl("get", "clusterroles,clusterrolebindings", "-o", "name"):
        raise Wrong("an operator of one namespace has a right in the cluster")
    space.instance("five", runtime="CloudNativePG")
    space.ready("five", 240)
    label = space.lab.kubectl("get", "namespace", space.name, "-o", r"jsonpath={.metadata.labels.paas\.rs/protected}")
    if label != "data":
        raise Wrong(f"the namespace's label is '{label}'")
    denied(space)
    for name in runs:
        space.ready(name)
    space.say("for one namespace alone: no right in the cluster, the same databases, a new one, the namespace labelled")
    operator(space, "uninstall", "--yes")
