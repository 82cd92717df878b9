"""No credential of the suite is to be read anywhere but where it is stored.

Every password and key that any Secret ever had while the suite ran is searched for in the logs of all pods and of the operators (which log
at the level trace), in Events, in everything that the API server shows but Secrets, in metrics, and in arguments and environments of
processes. What is no secret, such as the host of a database, has to be found in the same texts: else nothing was searched.
"""

import base64
import json
import pathlib
import threading

from lab import Wrong

# Entries of Secrets that are no credentials.
OPEN = {
    "type", "provider", "host", "port", "database", "dbname", "username", "user", "sslmode", "ca.crt", "tls.crt", "namespace",
    "pooler-host", "pooler-port", "fqdn-uri", "fqdn-jdbc-uri",
}
# Whole documents with a password in them: the password is searched for by itself.
DERIVED = {"uri", "jdbc-uri", "pgpass", "pooler-uri", "pooler-jdbc-uri"}
LEAST = 12
NOT_OURS = {"kube-system", "kube-public", "kube-node-lease", "cnpg-system", "local-path-storage"}

# Programs of which arguments and environment are read, and those that they start.
OURS = {"paas", "kubectl-paas", "paas-operator", "postgres", "manager", "pgbouncer"}


def parent(folder):
    """The program that started a process."""
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return pathlib.Path(f"/proc/{fields[1]}/exe").readlink().name


class Canaries:
    """Collects credentials, and what processes say of themselves, until it is stopped."""

    def __init__(self, lab):
        self.lab, self.known, self.hosts, self.spoken, self.ends = lab, {}, set(), {}, threading.Event()
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        turn = 0
        while not self.ends.wait(0.5):
            self.processes()
            if turn % 4 == 0:
                self.secrets()
            turn += 1

    def secrets(self):
        done = self.lab.run("kubectl", "get", "secrets", "-A", "-o", "json")
        if done.returncode:
            return
        for secret in json.loads(done.stdout)["items"]:
            meta = secret["metadata"]
            if meta["namespace"] in NOT_OURS:
                continue
            for key, value in secret.get("data", {}).items():
                text = base64.b64decode(value).decode(errors="replace").strip()
                if key == "host":
                    self.hosts.add(text)
                if key not in OPEN | DERIVED and len(text) >= LEAST:
                    # Of a key that is many lines long, one line of its middle tells it.
                    lines = text.splitlines()
                    self.known[lines[len(lines) // 2]] = f"{meta['namespace']}/{meta['name']} {key}"

    def processes(self):
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                program = (folder / "exe").readlink().name
                # What psql a judge runs is the judge's own affair; one that `paas` runs is not.
                if program not in OURS and parent(folder) not in OURS:
                    continue
                for what in ("cmdline", "environ"):
                    words = (folder / what).read_bytes().decode(errors="replace")
                    self.spoken[f"{what} of {program} {folder.name}"] = words
            except OSError:
                continue

    def end(self):
        self.secrets()
        self.ends.set()
        self.thread.join()


def places(lab, canaries):
    """Everything that is searched: name and text."""
    yield from canaries.spoken.items()
    yield from lab.metrics.items()
    for path in sorted((pathlib.Path(lab.folder) / "log").glob("operator-*.log")):
        yield path.name, path.read_text(errors="replace")
    for path in sorted(pathlib.Path(lab.folder).glob("node*/pod-logs/**/*.log")):
        yield f"log of {path.parent.parent.name}", path.read_text(errors="replace")
    kinds = lab.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    kinds = [k for k in kinds if k not in ("secrets", "componentstatuses")]
    yield "all objects and Events but Secrets", lab.kubectl("get", ",".join(kinds), "-A", "-o", "json", "--ignore-not-found", seconds=120)


def judge(lab, canaries):
    """Whether no credential was found; prints where one was."""
    canaries.end()
    found, hosts, searched, size = set(), set(), 0, 0
    for name, text in places(lab, canaries):
        searched, size = searched + 1, size + len(text)
        found |= {f"{whose} in {name}" for value, whose in canaries.known.items() if value in text}
        hosts |= {host for host in canaries.hosts if host in text}
    if not canaries.known or not hosts:
        raise Wrong(f"the search is blind: {len(canaries.known)} credentials, {len(hosts)} of {len(canaries.hosts)} hosts found")
    print(f"  {len(canaries.known)} credentials, searched for in {searched} texts of {size / 1e6:.0f} MB: {len(found) or 'none'} found")
    for one in sorted(found)[:20]:
        print(f"  ✗ {one}")
    return not found
