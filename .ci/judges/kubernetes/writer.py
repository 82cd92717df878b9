"""An app in a pod of its own, which knows the database only by the mounted binding, and writes without a pause.

Each write is a new connection: so each is a login, and the next one reads the Secret anew. A write is acknowledged when psql says so.
"""

import json
import re
import time
from itertools import pairwise

from lab import Wrong

# A number is never used twice: one that was not acknowledged may be there or not.
PROGRAM = r"""
n=0
while :; do
  n=$((n + 1))
  if said=$(timeout 2 psql "$(cat /binding/uri)" -XAtq -v ON_ERROR_STOP=1 -c "insert into kept values ($n)" 2>&1); then
    echo "$(date +%s.%N) acknowledged $n"
  else
    echo "$(date +%s.%N) failed $n $(echo "$said" | tr '\n' ' ')"
  fi
  sleep 0.2
done
"""

REFUSED = re.compile(r"password authentication failed|not permitted to log in|no password supplied|role .* does not exist|permission denied")


class Writer:
    """The pod, and what it wrote down."""

    def __init__(self, space, name, secret):
        self.space, self.name = space, name
        self.pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "app",
                        "image": "registry.local/postgresql:17",
                        "command": ["bash", "-c", PROGRAM],
                        "env": [{"name": "PGCONNECT_TIMEOUT", "value": "2"}],
                        "volumeMounts": [{"name": "binding", "mountPath": "/binding", "readOnly": True}],
                    }
                ],
                "volumes": [{"name": "binding", "secret": {"secretName": secret}}],
            },
        }
        space.apply(self.pod)
        space.until(f"the first write of {name}", lambda: any(a for _, a, *_ in self.lines()), 60)

    def lines(self):
        """Each attempt: when it ended, whether it was acknowledged, its number, what was said."""
        for line in self.space.kubectl("logs", self.name).splitlines():
            when, how, number, *words = line.split(" ", 3)
            yield float(when), how == "acknowledged", int(number), " ".join(words)

    def wake(self):
        """Lets the kubelet bring the mounted Secret up to date now, which it does by itself within about a minute."""
        self.space.kubectl("annotate", "pod", self.name, "--overwrite", f"paas.test/woken={time.time()}")

    def goes_on(self):
        """Waits for a write that began after now."""
        now = time.time()
        self.space.until(f"a write of {self.name}", lambda: any(a and t > now + 0.5 for t, a, *_ in self.lines()), 60)

    def gap(self, began, ended):
        """The longest time between two writes that were acknowledged, of those that touch this stretch."""
        times = [t for t, acknowledged, *_ in self.lines() if acknowledged]
        return max((b - a for a, b in pairwise(times) if b > began and a < ended), default=ended - began)

    def refused(self):
        """Logins that were refused."""
        return [f"{number}: {words}" for _, ok, number, words in self.lines() if not ok and REFUSED.search(words)]

    def lost(self, uri):
        """Numbers that were acknowledged and are not there, after the writer has ended; and how many were acknowledged."""
        acknowledged = {number for _, ok, number, _ in self.lines() if ok}
        self.space.kubectl("delete", "pod", self.name, "--force", "--grace-period=0")
        done = self.space.lab.psql(uri, "select json_agg(n) from kept")
        if done.returncode:
            raise Wrong(f"psql: {done.stderr.strip()}")
        return sorted(acknowledged - set(json.loads(done.stdout))), len(acknowledged)
