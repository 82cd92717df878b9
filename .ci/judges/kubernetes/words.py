"""What goes wrong with pods, volumes and quotas stands in the status of the object within a minute, in their words."""

import re

from lab import SMALL, Wrong, condition

WITHIN = 60  # seconds

# Each: what is asked for, and the words that must be in the status.
TROUBLES = {
    "image": ({"engine": {"version": "17.99"}}, r"17\.99|ErrImagePull|ImagePullBackOff"),
    "class": ({"storage": {"size": "1Gi", "class": "nowhere"}}, r"nowhere.* not found"),
    "room": ({"resources": {"cpu": "500", "memory": "256Mi"}}, r"Insufficient cpu"),
    # Only the log of the job that makes the first server says it.
    "job": ({"parameters": {"work_mem": "plenty"}}, r'invalid value for parameter "work_mem"'),
}
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}, "spec": {"hard": {"requests.memory": "64Mi"}}}


def words(space, name):
    """All that the object says while it is not ready."""
    object_ = space.get("dbi", name)
    if condition(object_, "Ready").get("status") == "True":
        return ""
    return " ".join(c.get("message", "") for c in object_.get("status", {}).get("conditions", []))


# Nobody carries these out in a cluster; that is told.
IDLE = {
    "platform": {"infrastructure": {"type": "OpenStack", "openStack": {"cloud": "somewhere"}}},
    "databasebackup": {"instanceRef": {"name": "fine"}},
}


def idle(space):
    for kind, spec in IDLE.items():
        names = {"platform": "Platform", "databasebackup": "DatabaseBackup"}
        space.apply({"apiVersion": "paas.rs/v1alpha1", "kind": names[kind], "metadata": {"name": kind}, "spec": spec})
        stalled = space.until(f"{kind} told that nobody carries it out", lambda kind=kind: condition(space.get(kind, kind), "Stalled"), WITHIN)
        if stalled["status"] != "True" or "PAAS-OP-" not in stalled["message"]:
            raise Wrong(f"{kind}: {stalled}")
        space.say(f"{kind}: {stalled['message'][:140]}")
        space.kubectl("delete", kind, kind)


def cannot_pull(space):
    states = [s.get("state", {}) for p in space.all("pods") for s in p.get("status", {}).get("containerStatuses", [])]
    return any(s.get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff") for s in states)


def told(space, name, pattern):
    space.until(f"dbi/{name} speaks of {pattern!r}", lambda: re.search(pattern, words(space, name)), WITHIN)
    seen = re.search(rf"[^.;:]*(?:{pattern})[^.;]*", words(space, name))
    space.say(f"{name}: …{seen[0].strip()[:140] if seen else ''}…")


def pods(space, _given):
    space.start()
    wanted = {name: trouble for name, trouble in TROUBLES.items() if not space.skips(f"words: {name}")}
    for name, (spec, _) in wanted.items():
        space.instance(name, **spec)
    space.instance("fine")
    for name, (_, pattern) in wanted.items():
        if name == "image":
            space.until("the pod's own words", lambda: cannot_pull(space), 120)  # the lab has no way out, and the kubelet tries for long
        told(space, name, pattern)
    space.ready("fine")
    idle(space)
    if not space.skips("words: a missing secret"):
        missing_secret(space)


def missing_secret(space):
    """The password that the operator keeps is of something that exists: when the binding has to be written, it is asked for or found
    again, never made anew."""
    binding = space.get("dbi", "fine")["status"]["binding"]["name"]
    kept = [s["metadata"]["name"] for s in space.all("secrets") if "paas.rs/store" in s["metadata"].get("labels", {}) and "fine" in s["metadata"]["name"]]
    former = space.get("secret", binding)["metadata"]["uid"]
    space.kubectl("delete", "secret", *kept, binding)

    def ends():
        secret = space.get("secret", binding)
        if secret and secret["metadata"]["uid"] != former and space.lab.psql(space.uri("fine"), "select 1").returncode:
            raise Wrong("the binding was written anew with a password that does not log in")
        elif secret and secret["metadata"]["uid"] != former:
            return "found again"
        return "PAAS-CORE-0007" in words(space, "fine") and "asked for"

    space.say(f"a missing secret: {space.until('a lost password is asked for or found again', ends, WITHIN)}")


def quota(space, _given):
    space.start()
    space.apply(QUOTA)
    space.instance("quota", resources=SMALL)
    told(space, "quota", r"exceeded quota")
