"""Three servers and an app that writes all the time, while the password, the settings, the primary and the size change."""

import json
import time

from lab import Wrong, is_ready, plain
from writer import Writer

OVERLAP = 20  # seconds that the former password is good for


def cluster(space, name):
    return space.get("cluster", name) or {}


def whole(space, name, servers):
    """True if CloudNativePG has this many servers and all of them are well."""
    status = cluster(space, name).get("status", {})
    healthy = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    one = status.get("currentPrimary") == status.get("targetPrimary")
    return healthy and one and status.get("readyInstances") == status.get("instances") == servers


def settled(space, name, servers, seconds=180):
    """Waits for both: what is there, and what our object says about it."""
    space.until(f"{servers} servers of {name}", lambda: whole(space, name, servers), seconds)
    space.until(f"dbi/{name} Ready", lambda: is_ready(space.get("dbi", name)), 60)


def rotate(space, name, writer):
    """Another password: nobody notices, and the former one is refused after the overlap."""
    former = space.uri(name)
    space.kubectl("annotate", "dbi", name, f"paas.rs/rotate-overlap={OVERLAP}", "paas.rs/rotate=first")
    space.until("another login in the binding", lambda: space.uri(name) != former, 60)
    writer.wake()
    space.until("the former login refused", lambda: space.lab.psql(former, "select 1").returncode, OVERLAP + 60)
    writer.goes_on()
    space.ready(name)


def restart(space, name, _writer):
    """A parameter that needs a restart."""
    space.patch(name, parameters={"max_connections": 111})
    shown = "select current_setting('max_connections')"
    space.until("max_connections is 111", lambda: space.sql(name, shown) == "111", 180)
    settled(space, name, 3)


def kill(space, name, servers=3):
    """The primary's pod dies. Returns how long the writes stood still."""
    primary = cluster(space, name)["status"]["currentPrimary"]
    space.kubectl("delete", "pod", primary, "--force", "--grace-period=0")
    space.until("another primary", lambda: cluster(space, name)["status"]["currentPrimary"] != primary, 90)
    space.until(f"{servers} servers of {name}", lambda: whole(space, name, servers), 180)


def again(space, name, _writer):
    """A restart that was asked for: every server is a younger one, and the same word restarts none."""

    def began():
        told = json.loads(space.kubectl("get", "pods", "-o", "json", "-l", f"cnpg.io/cluster={name},cnpg.io/podRole=instance"))
        return {p["metadata"]["annotations"].get("kubectl.kubernetes.io/restartedAt") for p in told["items"]}

    space.kubectl("annotate", "dbi", name, "paas.rs/restart=monday")
    space.until("the request answered", lambda: requests(space, name).get("restart") == "monday", 60)
    space.until("every server restarted", lambda: began() == {"monday"}, 240)
    settled(space, name, 3)


def requests(space, name):
    """What the status says of requests."""
    return space.get("dbi", name)["status"].get("requests", {})


def ask(space, name, other):
    """A switchover by the annotation; to nobody, it is refused with words."""
    space.kubectl("annotate", "dbi", name, "--overwrite", "paas.rs/switchover=nobody monday")
    space.until("nobody refused", lambda: "no such server" in requests(space, name).get("refused", ""), 60)
    space.kubectl("annotate", "dbi", name, "--overwrite", f"paas.rs/switchover={other} monday")
    space.until("the request answered", lambda: requests(space, name).get("switchover") == f"{other} monday", 60)


def promote(space, name, other):
    """A switchover by CloudNativePG's own program."""
    space.lab.kubectl("cnpg", "promote", "-n", space.name, name, other)


def switch(space, name, how):
    """A planned switchover."""
    status = cluster(space, name)["status"]
    other = next(i for i in status["instanceNames"] if i != status["currentPrimary"])
    how(space, name, other)
    space.until(f"{other} is the primary", lambda: cluster(space, name)["status"]["currentPrimary"] == other, 90)
    settled(space, name, 3)


def scale(space, name, _writer):
    """To two and back, by the command that people and autoscalers use."""
    for servers in (2, 3):
        space.kubectl("scale", f"dbi/{name}", f"--replicas={servers}")
        settled(space, name, servers)


def during(space, writer, what, do):
    """Runs `do` and says how long the writes stood still meanwhile."""
    began = time.time()
    do()
    ended = time.time()
    writer.goes_on()
    gap = writer.gap(began, ended)
    space.say(f"{what}: {ended - began:.1f} s, longest gap between writes {gap:.2f} s")
    return gap


def alone(space, name):
    """A writer for CloudNativePG alone, by the Secret that it makes."""
    space.until(f"3 servers of {name}", lambda: whole(space, name, 3), 240)
    secret = f"{name}-app"
    uri = space.kubectl("get", "secret", secret, "-o", "go-template={{.data.uri|base64decode}}")
    done = space.lab.psql(uri, "create table kept (n bigint)")
    if done.returncode:
        raise Wrong(f"psql: {done.stderr}")
    return Writer(space, "writer-plain", secret), uri


def content(space, writer, uri, refused=()):
    """No login was refused, and no write that was acknowledged is lost."""
    seen = writer.refused()
    lost, count = writer.lost(uri)
    space.say(f"{writer.name}: {count} writes acknowledged, {len(lost)} lost, {len(seen)} logins refused")
    if lost or seen:
        raise Wrong(f"lost {lost[:10]}, refused {seen[:3]}")


def part(space, given):
    name = "three"
    space.start()
    space.instance(name, replicas=3)
    settled(space, name, 3, seconds=240)
    space.sql(name, "create table kept (n bigint)")
    secret = space.get("dbi", name)["status"]["binding"]["name"]
    writer = Writer(space, "writer", secret)
    space.apply(plain(cluster(space, name), "plain"))  # comes up meanwhile
    for what, do in (("a password rotates", rotate), ("a parameter changes with restarts", restart), ("a restart that is asked for", again), ("three servers, two, three", scale)):
        if not space.skips(f"writes: {what}"):
            during(space, writer, what, lambda do=do: do(space, name, writer))
    # Each of the two in turn, for the time is CloudNativePG's alone.
    for what, how in (("a switchover by CloudNativePG's own program", promote), ("a switchover that is asked for", ask)):
        during(space, writer, what, lambda how=how: switch(space, name, how))
    ours = [during(space, writer, "the primary's pod is killed", lambda: kill(space, name)) for _ in range(given.failovers)]
    space.ready(name)
    other, other_uri = alone(space, "plain")
    theirs = [during(space, other, "the same with CloudNativePG alone", lambda: kill(space, "plain")) for _ in range(given.failovers)]
    space.say(f"longest gap when the primary dies: ours {max(ours):.2f} s, CloudNativePG alone {max(theirs):.2f} s")
    content(space, writer, space.uri(name))
    content(space, other, other_uri)
