"""A cluster of real machines, made by `paas up` over the OpenStack lab: both nodes Ready, pods, Services, DNS, real kubectl, a database, a
machine that dies, one more, and nothing left in the end."""

import argparse
import base64
import contextlib
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import bridge

SUBNET = "10.210.0"


class Wrong(Exception):
    """Something is not as it must be."""


def check(holds, why):
    if not holds:
        raise Wrong(why)


class Place:
    """The machines' network with `paas` and `kubectl` in it."""

    def __init__(self, asked, box):
        self.asked, self.box = asked, pathlib.Path(box)
        self.home = self.box / "home"
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PAAS_", "OS_", "KUBE", "RUST_LOG"))}
        self.environment = keep | {
            "OS_CLIENT_CONFIG_FILE": asked.clouds, "OS_CLOUD": "lab", "PAAS_HOME": str(self.home), "NO_COLOR": "1",
            "PAAS_OPERATOR_IMAGE": asked.operator_image, "PATH": f"{asked.tools}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.box / "kubeconfig"),
        }

    def run(self, *words, seconds=900, check=True, stdin=None):
        started = time.monotonic()
        done = subprocess.run(
            [self.asked.machines, "net", self.asked.folder, *map(str, words)],
            env=self.environment, capture_output=True, text=True, timeout=seconds, input=stdin,
        )
        if check and done.returncode:
            raise Wrong(f"{' '.join(map(str, words[:8]))}: exit {done.returncode}\n{done.stdout[-2500:]}\n{done.stderr[-6000:]}")
        done.seconds = time.monotonic() - started
        return done

    def paas(self, *words, **how):
        return self.run(self.asked.paas, *words, **how)

    def kubectl(self, *words, **how):
        return self.run("kubectl", *words, **how).stdout

    def wait(self, what, holds, seconds=180):
        until, last = time.monotonic() + seconds, None
        while time.monotonic() < until:
            with contextlib.suppress(Wrong, KeyError, IndexError, json.JSONDecodeError):
                last = holds()
                if last:
                    return last
            time.sleep(1)
        raise Wrong(f"{what}: not within {seconds} s; the last was {last!r}")


def spec(place, workers=1):
    """The example, where the lab is: its subnet, its machines' own packages, volumes on their disks."""
    text = (pathlib.Path(place.asked.root) / "examples/openstack-two-node.yaml").read_text()
    text = text.replace("networkCidr: 10.20.0.0/16", f"networkCidr: {SUBNET}.0/24")
    text = text.replace('  # packages: Preinstalled', '  packages: Preinstalled\n    #')
    text = re.sub(r"    operatorImage: .*", f"    operatorImage: {place.asked.operator_image}\n    cloudController: false\n    csi: false\n"
                  f"    localStorage: true\n    mirror: {place.asked.mirror}", text)
    head, tail = text.split("pools:")
    text = head + "pools:" + tail.replace("replicas: 1", f"replicas: {workers}", 1)
    path = place.box / "platform.yaml"
    path.write_text(text)
    return path


def up(place):
    """One command: nothing becomes a cluster with a database."""
    trace = place.box / "trace.jsonl"
    done = place.paas("up", "-f", spec(place), "--yes", "--timeout", "12m", "--trace", trace)
    print(done.stdout.strip())
    place.paas("kubeconfig", "demo", "--merge")
    nodes = json.loads(place.kubectl("get", "nodes", "-o", "json"))["items"]
    ready = [n["metadata"]["name"] for n in nodes if any(c["type"] == "Ready" and c["status"] == "True" for c in n["status"]["conditions"])]
    check(sorted(ready) == ["control-plane-1", "workers-1"], f"ready: {ready}")
    measure(place, nodes, trace)
    return f"{done.seconds:.0f} s"


def measure(place, nodes, trace):
    """What the run took beside what its machines took, printed for benches/README.md."""
    line = json.loads(place.paas("status", "--timeline", "-o", "json").stdout)["timelines"][0]
    moment = lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    began, ended = moment(line["began"]), moment(line["ended"])
    first = min(place.asked.bridge.begun.values())
    last = max(moment(c["lastTransitionTime"]) for n in nodes for c in n["status"]["conditions"] if c["type"] == "Ready")
    sizes = {p.stem: p.stat().st_size for p in sorted((place.box / "bridge").glob("*.user-data"))}
    calls = [json.loads(text) for text in trace.read_text().splitlines()]
    print(f"  the platform {ended - began:.0f} s: {first - began:.0f} s to the first boot, {last - first:.0f} s from there to the last node Ready, "
          f"{ended - last:.0f} s after it; {len(calls)} calls to the cloud; user-data {sizes}")
    print(place.paas("status", "--timeline").stdout.rstrip())


PROBE = """
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {selector: {app: hello}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: hello}
spec:
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      tolerations: [{operator: Exists}]
      terminationGracePeriodSeconds: 1
      containers:
      - name: hello
        image: docker.io/library/busybox:1
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "mkdir -p /www; hostname >/www/index.html; httpd -f -p 8080 -h /www"]
"""


def network(place):
    """Pods of both nodes reach each other, a Service and a name; none reaches the metadata service."""
    place.kubectl("apply", "-f", "-", stdin=PROBE)
    place.wait("pods on both nodes", lambda: "2" == place.kubectl("get", "ds", "hello", "-o", "jsonpath={.status.numberReady}"))
    pods = json.loads(place.kubectl("get", "pods", "-l", "app=hello", "-o", "json"))["items"]
    for one in pods:
        for other in pods:
            address = other["status"]["podIP"]
            said = place.kubectl("exec", one["metadata"]["name"], "--", "wget", "-qO-", f"http://{address}:8080/", seconds=30)
            check(said.strip() == other["metadata"]["name"], f"{one['spec']['nodeName']} → {other['spec']['nodeName']}: {said!r}")
        name = place.wait("a name", lambda one=one: place.kubectl(
            "exec", one["metadata"]["name"], "--", "wget", "-qO-", "http://hello.default.svc.cluster.local/", seconds=30), 60)
        check(name.strip().startswith("hello-"), name)
        metadata = place.run("kubectl", "exec", one["metadata"]["name"], "--", "timeout", "5", "wget", "-qO-", "http://169.254.169.254/openstack/latest/user_data", check=False)
        check(metadata.returncode != 0, f"a pod of {one['spec']['nodeName']} reads user-data")
    place.kubectl("delete", "-f", "-", stdin=PROBE)
    return "4 ways, 2 names"


def page(place):
    """Every command of the book's page works, in its order, but for `up`, which was the first part."""
    text = (pathlib.Path(place.asked.root) / "docs/src/openstack-cluster.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.M | re.S)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    programs = place.box / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "paas").unlink(missing_ok=True)
    (programs / "paas").symlink_to(place.asked.paas)
    for line in lines:
        command = line.replace("examples/openstack-two-node.yaml", str(spec(place)))
        place.run("bash", "-c", f"export PATH={programs}:$PATH; {command}", seconds=180)
    return f"{len(lines)} commands"


def tokens(place):
    """Nobody can join by a token that was used, and user-data of a worker hold no key."""
    left = place.kubectl("-n", "kube-system", "get", "secrets", "--field-selector", "type=bootstrap.kubernetes.io/token", "-o", "name").split()
    check(not left, f"tokens that are still good: {left}")
    data = (place.box / "bridge" / "workers-1.user-data").read_text()
    check("PRIVATE KEY" not in data, "the worker's user-data has a key in it")
    return "no token, no key"


def database(place):
    """The operator of ours and CloudNativePG run it; psql comes in with the binding's Secret."""
    secret = place.kubectl("get", "dbi", "shop", "-o", "jsonpath={.status.binding.name}").strip()
    data = json.loads(place.kubectl("get", "secret", secret, "-o", "json"))["data"]
    known = {k: base64.b64decode(v).decode() for k, v in data.items()}
    address = place.kubectl("get", "svc", known["host"].split(".")[0], "-o", "jsonpath={.spec.clusterIP}").strip()
    script = "create table if not exists kept (n int); insert into kept values (1); select 'rows ' || count(*) from kept"
    # The machines route to Services, so the psql of this host is asked within the network of one.
    net = f"{place.asked.folder}/machines/workers-1/net"
    done = subprocess.run(
        ["nsenter", f"--net={net}", "psql", "-X", "-At", "-h", address, "-p", known["port"], "-U", known["username"], known["database"], "-c", script],
        env={**os.environ, "PGPASSWORD": known["password"], "PGSSLMODE": "require"}, capture_output=True, text=True, timeout=60,
    )
    check("rows" in done.stdout, f"psql: {done.stdout}{done.stderr}")
    url = place.paas("db", "url", "shop", "--platform", "demo").stdout
    check(url.startswith("postgres"), url)
    return done.stdout.strip().splitlines()[-1]


def again(place):
    """`up` again does nothing."""
    done = place.paas("up", "-f", spec(place), "--yes")
    check("Nothing to do" in done.stdout, done.stdout + done.stderr)
    plan = place.paas("plan", "-f", spec(place), "--detailed-exitcode", check=False)
    check(plan.returncode == 0, f"a plan after `up` has something to do:\n{plan.stdout}")
    return f"{done.seconds:.1f} s"


def eyes(place):
    """What people look with: show, doctor, an exec plugin under real kubectl."""
    shown = place.paas("cluster", "show", "demo").stdout
    check("control-plane-1" in shown and "workers-1" in shown, shown)
    doctor = place.paas("cluster", "doctor", "demo").stdout
    print(doctor.strip())
    text = place.paas("kubeconfig", "demo", "--exec").stdout
    check("PRIVATE" not in text and "client-key" not in text, "the exec kubeconfig holds a key")
    path = place.box / "exec.kubeconfig"
    path.write_text(text)
    who = place.run("kubectl", "--kubeconfig", path, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}").stdout
    return f"{who.strip()} by the exec plugin"


def grow(place):
    """One more worker joins."""
    done = place.paas("up", "-f", spec(place, workers=2), "--yes", "--timeout", "12m")
    nodes = place.kubectl("get", "nodes", "-o", "name").split()
    check(len(nodes) == 3, nodes)
    return f"{done.seconds:.0f} s"


def death(place):
    """A worker's machine dies and its server with it: it is made anew and joins again, and the database on the other one never stops."""
    servers = json.loads(subprocess.run([place.asked.openstack, "server", "list", "-f", "json"], env=place.environment, capture_output=True, text=True, check=True).stdout)
    gone = next(s for s in servers if s["Name"] == "workers-2")
    subprocess.run([place.asked.openstack, "server", "delete", "--wait", gone["ID"]], env=place.environment, check=True, capture_output=True)
    done = place.paas("up", "-f", spec(place, workers=2), "--yes", "--timeout", "12m", check=False)
    check(done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-5000:]}")
    node = json.loads(place.kubectl("get", "node", "workers-2", "-o", "json"))
    check(gone["ID"] not in node["spec"]["providerID"], "the node is still the old machine")
    return f"{done.seconds:.0f} s, {database(place)}"


def shrink(place):
    """A worker goes, emptied; the one with data on its disk stays."""
    refused = place.paas("cluster", "replace", "demo", "workers-1", "--yes", check=False)
    check(refused.returncode == 4 and "data" in refused.stdout + refused.stderr, f"exit {refused.returncode}: {refused.stdout}{refused.stderr[-3000:]}")
    less = place.paas("up", "-f", spec(place, workers=1), "--yes", "--timeout", "12m")
    nodes = place.kubectl("get", "nodes", "-o", "name").split()
    check(len(nodes) == 2, nodes)
    return f"{less.seconds:.0f} s, {database(place)}"


def down(place):
    """Data stops it; with consent nothing is left: no machine, no cloud object."""
    refused = place.paas("down", "-f", spec(place), "--yes", check=False)
    check(refused.returncode == 4 and "shop" in refused.stdout + refused.stderr, f"exit {refused.returncode}: {refused.stdout}{refused.stderr[-3000:]}")
    done = place.paas("down", "-f", spec(place), "--yes", "--delete-data", "--confirm", "demo,shop", "--timeout", "10m")
    print(done.stdout.strip())
    check("nothing is left" in done.stdout, done.stdout)
    place.wait("no machine", lambda: "running" not in place.asked.bridge.do("list", place.asked.folder) and "yes", 60)
    return f"{done.seconds:.0f} s"


PARTS = [up, network, tokens, database, again, eyes, page, grow, death, shrink, down]


def carried(place, part):
    """Carries a part out, and tells how it went."""
    started = time.monotonic()
    try:
        what = part(place)
    except (Wrong, subprocess.SubprocessError) as e:
        print(f"✗ {part.__doc__.splitlines()[0]}\n{e}", file=sys.stderr, flush=True)
        if place.asked.bridge.trouble:
            print(f"the bridge: {place.asked.bridge.trouble}", file=sys.stderr)
        return False
    print(f"✓ {part.__doc__.splitlines()[0]} {what}, {time.monotonic() - started:.0f} s", flush=True)
    return True


def again_asked(place):
    """With --keep everything is left as it is; whether somebody who has looked wants the part once more."""
    kept, retry = place.box / "kept", place.box / "retry"
    kept.touch()
    print(f"everything is left as it is until {kept} is removed; {retry} tries the part again", flush=True)
    while kept.exists():
        if retry.exists():
            retry.unlink()
            return True
        time.sleep(1)
    return False


def main():
    parser = argparse.ArgumentParser()
    for name in ("folder", "machines", "clouds", "paas", "tools", "mirror", "operator-image", "openstack"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--image", action="append", default=[], help="an archive that the machines' image does not have")
    parser.add_argument("--name", action="append", default=[], metavar="OLD=NEW", help="another name of an image")
    parser.add_argument("--ports", required=True, help="the lab's ports, by commas")
    parser.add_argument("--keep", action="store_true", help="leave everything as it is when a part fails")
    parser.add_argument("parts", nargs="*")
    asked = parser.parse_args()
    asked.root = pathlib.Path(__file__).resolve().parent.parent.parent.parent
    chosen = [p for p in PARTS if not asked.parts or p.__name__ in asked.parts]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="paas-cluster-") as box:
        os.chmod(box, 0o711)  # PostgreSQL's user has to pass
        (pathlib.Path(box) / "bridge").mkdir(mode=0o700)
        cloud = bridge.Cloud(asked.clouds)
        cloud.login()
        asked.bridge = bridge.Bridge(cloud, asked.machines, asked.folder, pathlib.Path(box) / "bridge", asked.image, asked.name)
        place = Place(asked, box)
        # Its network is there with the first machine; a moment's machine makes it.
        (pathlib.Path(box) / "nothing").write_text("#cloud-config\n{}\n")
        asked.bridge.do("start", asked.folder, "network", f"{box}/nothing", f"{SUBNET}.250")
        asked.bridge.do("delete", asked.folder, "network")
        bridge.Ways(f"{asked.folder}/run/lab", [int(p) for p in asked.ports.split(",")]).start()
        asked.bridge.start()
        try:
            for part in chosen:
                while not carried(place, part):
                    if not (asked.keep and again_asked(place)):
                        failed = 1
                        break
                if failed:
                    break
        finally:
            asked.bridge.stop()
            with contextlib.suppress(Exception):
                place.paas("down", "-f", place.box / "platform.yaml", "--yes", "--delete-data", "--confirm", "demo,shop", check=False)
    return failed


if __name__ == "__main__":
    sys.exit(main())
