"""What goes wrong with pods, volumes and quotas stands in the status of the object within a minute, in their words."""

import re

from lab import SMALL, condition

WITHIN = 60  # seconds

# Each: what is asked for, and the words that must be in the status.
TROUBLES = {
    "image": ({"engine": {"version": "17.99"}}, r"17\.99.*|ErrImagePull|ImagePullBackOff"),
    "class": ({"storage": {"size": "1Gi", "class": "nowhere"}}, r"nowhere.* not found"),
    "room": ({"resources": {"cpu": "500", "memory": "256Mi"}}, r"Insufficient cpu"),
}
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}, "spec": {"hard": {"requests.memory": "64Mi"}}}


def words(space, name):
    """All that the object says while it is not ready."""
    object_ = space.get("dbi", name)
    if condition(object_, "Ready").get("status") == "True":
        return ""
    return " ".join(c.get("message", "") for c in object_.get("status", {}).get("conditions", []))


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
        told(space, name, pattern)
    space.ready("fine")
    if not space.skips("words: a missing secret"):
        missing_secret(space)


def missing_secret(space):
    """The password that the operator keeps is of something that exists: it is asked for, never made anew."""
    kept = [s["metadata"]["name"] for s in space.all("secrets") if "paas.rs/store" in s["metadata"].get("labels", {}) and "fine" in s["metadata"]["name"]]
    space.kubectl("delete", "secret", *kept)
    space.kubectl("annotate", "dbi", "fine", "paas.test/look=now")
    told(space, "fine", r"PAAS-[A-Z0-9]+-\d+.*|secret")


def quota(space, _given):
    space.start()
    space.apply(QUOTA)
    space.instance("quota", resources=SMALL)
    told(space, "quota", r"exceeded quota")
