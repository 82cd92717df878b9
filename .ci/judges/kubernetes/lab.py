"""A Kubernetes lab seen from outside: kubectl and psql in its network, the operator as a process, and waiting with a deadline."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

import account

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent

# The example of the repository, as soon as there is one with this name; until then the same idea.
DATABASE = """\
apiVersion: paas.rs/v1alpha1
kind: DatabaseInstance
metadata: {name: demo}
spec:
  users: [{name: app}]
  databases: [{name: app, owner: app}]
  storage: {size: 1Gi}
"""

# Small, so that many instances fit on one node.
SMALL = {"cpu": "50m", "memory": "256Mi"}


class Wrong(Exception):
    """Something is not as it must be."""


class Lab:
    """The lab in a folder, with the programs that it was built with."""

    def __init__(self, folder, lab, paas, operator, not_yet):
        self.folder, self.lab = str(pathlib.Path(folder).resolve()), pathlib.Path(lab).resolve()
        self.paas, self.operator, self.not_yet = paas, operator, not_yet
        self.metrics = {}  # by operator, what its last scrape said
        tools = subprocess.run([self.lab / "build", "--path"], capture_output=True, text=True, check=True).stdout.strip()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("PAAS_", "PG", "KUBE", "RUST_LOG"))}
        self.environment |= {"KUBECONFIG": f"{self.folder}/kubeconfig", "PATH": f"{tools}/bin:{os.environ['PATH']}", "NO_COLOR": "1"}

    def run(self, *words, stdin=None, seconds=60):
        """What a program said, its errors too, and whether it is content."""
        try:
            done = subprocess.run(
                [str(w) for w in words], env=self.environment, input=stdin, capture_output=True, text=True, timeout=seconds
            )
        except subprocess.TimeoutExpired as late:
            raise Wrong(f"{' '.join(map(str, words[:6]))}: not done after {seconds} s") from late
        return done

    def kubectl(self, *words, stdin=None, seconds=60):
        done = self.run("kubectl", *words, stdin=stdin, seconds=seconds)
        if done.returncode:
            raise Wrong(f"kubectl {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def manifests(self, *options):
        """What `paas operator install --print` prints, as objects."""
        printed = self.run(self.paas, "operator", "install", "--print", "--image", "none", *options)
        if printed.returncode:
            raise Wrong(f"paas operator install --print {' '.join(options)}: {printed.stderr}")
        # One document of JSON after another.
        text, objects = self.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=printed.stdout).strip(), []
        while text:
            one, end = json.JSONDecoder().raw_decode(text)
            objects.append(one)
            text = text[end:].lstrip()
        return objects

    def psql(self, uri, statement, seconds=30):
        """psql in the lab's network, where names of Services are known. The connection string is that of the binding."""
        words = ("psql", uri, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement)
        return self.run(self.lab / "exec", self.folder, "--", *words, seconds=seconds)


class Space:
    """A namespace with an operator of its own, so that parts run beside each other."""

    def __init__(self, lab, name):
        self.lab, self.name, self.process, self.rights = lab, name, None, None
        self.log = pathlib.Path(lab.folder) / "log" / f"operator-{name}.log"
        self.lines = []
        self.kubectl("create", "namespace", name)
        self.born = time.monotonic()

    def say(self, line):
        self.lines.append(f"  {line}")

    def skips(self, step):
        """True for a step that cannot pass yet; it is named in the output."""
        reason = self.lab.not_yet.get(step)
        if reason:
            self.say(f"did not run: {step}: {reason}")
        return reason is not None

    # The operator.

    def start(self, *options, level="trace"):
        """`paas-operator run` outside of the cluster, with the rights that an installation for this namespace has and no others, and
        with all that it can log. It does not outlive us, also if we are killed."""
        if not self.rights:
            self.rights = account.grant(self.lab, self.name)
            self.port = free_port()
        arguments, kubeconfig = self.rights
        own = ("--metrics", "--log-filter")  # a pod's address, and what is logged
        arguments = [a for a in arguments if not a.startswith(own)]
        words = ["setpriv", "--pdeathsig", "KILL", self.lab.operator, *arguments, f"--metrics=127.0.0.1:{self.port}", f"--log-filter={level}"]
        environment = self.lab.environment | {"KUBECONFIG": kubeconfig}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*words, *options], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def scrape(self):
        """What the operator's metrics say."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            self.lab.metrics[f"metrics of {self.name}"] = text = answer.read().decode()
        return text

    def kill(self):
        """As a crash does it."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """As Kubernetes does it: it has to end by itself, in peace."""
        if not self.process:
            return
        self.scrape()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Wrong("the operator did not end within 30 s after SIGTERM") from None
        self.process = None
        if code:
            raise Wrong(f"the operator ended with {code} after SIGTERM")

    # Objects.

    def kubectl(self, *words, **more):
        return self.lab.kubectl("-n", self.name, *words, **more)

    def apply(self, manifest):
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        return self.kubectl("apply", "-f", "-", stdin=text)

    def all(self, kinds):
        return json.loads(self.kubectl("get", kinds, "-o", "json"))["items"]

    def get(self, kind, name):
        """The object, or nothing if it is not there."""
        said = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(said) if said.strip() else None

    def instance(self, name, **spec):
        """A small DatabaseInstance of this spec."""
        made = {"users": [{"name": "app"}], "databases": [{"name": "app", "owner": "app"}], "storage": {"size": "1Gi"}, "resources": SMALL}
        self.apply(
            {"apiVersion": "paas.rs/v1alpha1", "kind": "DatabaseInstance", "metadata": {"name": name}, "spec": made | spec}
        )

    def patch(self, name, **spec):
        self.kubectl("patch", "dbi", name, "--type", "merge", "-p", json.dumps({"spec": spec}))

    def until(self, what, look, seconds):
        """Looks until there is something to see, and gives that. What cannot be seen now may be seen soon."""
        end, last = time.monotonic() + seconds, None
        while time.monotonic() < end:
            if self.process and self.process.poll() is not None:
                raise Wrong(f"the operator ended by itself with {self.process.returncode}")
            try:
                if seen := look():
                    return seen
                last = None
            except Wrong as wrong:
                last = wrong
            time.sleep(1)
        raise Wrong(f"{what}: not within {seconds} s" + (f" ({last})" if last else ""))

    def ready(self, name, seconds=150):
        """Waits until the object says that it is as its present spec says."""
        return self.until(f"dbi/{name} Ready", lambda: is_ready(self.get("dbi", name)), seconds)

    def answers(self, name, seconds=240):
        """Ready, and known to the network of every node, which learns of a Service's endpoints a moment later."""
        self.ready(name, seconds)
        self.until(f"{name} answers", lambda: self.sql(name, "select 1"), 20)

    def gone(self, name, seconds=90):
        self.until(f"dbi/{name} gone", lambda: not self.get("dbi", name), seconds)

    def uri(self, name):
        """The connection string as an app finds it: in the Secret that the status names."""
        object_ = self.get("dbi", name) or {}
        secret = object_.get("status", {}).get("binding", {}).get("name")
        if not secret:
            raise Wrong(f"dbi/{name} names no binding")
        return self.kubectl("get", "secret", secret, "-o", "go-template={{.data.uri|base64decode}}")

    def sql(self, name, statement):
        done = self.lab.psql(self.uri(name), statement)
        if done.returncode:
            raise Wrong(f"psql {statement}: {done.stderr.strip()}")
        return done.stdout.strip()

    def world(self):
        """Everything in the namespace but Events: kind and name."""
        kinds = self.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
        kinds = [k for k in kinds if not k.startswith("events")]
        return set(self.kubectl("get", ",".join(kinds), "-o", "name", "--ignore-not-found").split())

    def look_around(self):
        """What a person wants to read after a failure."""
        told = []
        if self.log.exists():
            lines = self.log.read_text(errors="replace").splitlines()
            lines = [line[:400] for line in lines if '"level":"TRACE"' not in line and '"level":"DEBUG"' not in line]
            told.append("the operator's log ends:\n" + "\n".join(lines[-25:]))
        for words in (
            ("get", "dbi", "-o", "yaml"),
            ("get", "clusters.postgresql.cnpg.io,statefulsets,pods,pvc,jobs", "-o", "wide"),
            ("get", "events", "--sort-by=.lastTimestamp", "--no-headers"),
        ):
            done = self.lab.run("kubectl", "-n", self.name, *words)
            told.append(f"kubectl {' '.join(words)}:\n" + "\n".join((done.stdout or done.stderr).splitlines()[-60:]))
        return "\n".join(told)


def free_port():
    """A port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def plain(made, name):
    """The same Cluster for CloudNativePG alone: without our statements at its beginning, by which its owner may not log in."""
    spec = json.loads(json.dumps(made["spec"]))
    spec["bootstrap"]["initdb"].pop("postInitSQL", None)
    return {"apiVersion": made["apiVersion"], "kind": "Cluster", "metadata": {"name": name}, "spec": spec}


def condition(object_, kind):
    found = [c for c in (object_ or {}).get("status", {}).get("conditions", []) if c["type"] == kind]
    return found[0] if found else {}


def is_ready(object_):
    """True if the object is ready by the generation that is there now."""
    seen = condition(object_, "Ready")
    return seen.get("status") == "True" and seen.get("observedGeneration") == object_["metadata"]["generation"]
