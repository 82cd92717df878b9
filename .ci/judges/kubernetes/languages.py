"""Programs in six languages, as the book has them, in the network of the cluster; each verifies the server's certificate."""

import os

import account
from lab import ROOT, Wrong


def part(space, _given):
    space.start()
    space.instance("demo")
    space.ready("demo", 180)
    # Whose kubeconfig leads into this namespace, so that the book's words do as they stand.
    kubeconfig = account.kubeconfig(space.lab, space.name)
    through = (space.lab.lab / "exec", space.lab.folder, "--")
    cache = os.environ.get("PAAS_CI_CACHE", "")
    words = ("env", f"KUBECONFIG={kubeconfig}", f"PAAS_BIN={space.lab.paas}", f"PAAS_CI_CACHE={cache}")
    done = space.lab.run(*words, "bash", ROOT / ".ci" / "languages", "--in-cluster", *through, seconds=400)
    if done.returncode:
        raise Wrong(f".ci/languages: {done.stdout}{done.stderr}")
    for line in done.stdout.splitlines():
        space.say(line)
