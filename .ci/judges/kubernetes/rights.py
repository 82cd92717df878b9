"""What the operator was allowed and never did, and what it did and was not allowed: from the API server's audit log of the whole suite."""

import collections
import json
import re

from account import NAME
from lab import Wrong

# Rights that the log cannot show, or that no part of the lab leads to, each with the reason.
UNSEEN = {
    ("pods/portforward", "create"): "asked for beside `get` when a forward is opened over a WebSocket; the log has the request's verb alone",
}


def rules(lab):
    """The rules of an installation for all namespaces and of one for a single namespace: group, resource, names, verbs."""
    objects = lab.manifests() + lab.manifests("--watch-namespace", "default")
    seen = {}
    for object_ in objects:
        if object_["kind"] in ("ClusterRole", "Role"):
            for rule in object_["rules"]:
                key = (rule["apiGroups"][0], rule["resources"][0], tuple(rule.get("resourceNames", ())))
                seen.setdefault(key, set()).update(rule["verbs"])
    return seen


def records(path):
    """Every request of an account of the operator's that was a request for a resource."""
    with open(path, encoding="utf-8") as log:
        for line in log:
            record = json.loads(line)
            who = record.get("user", {}).get("username", "")
            if re.fullmatch(rf"system:serviceaccount:[^:]+:{NAME}", who) and "objectRef" in record:
                yield record


def of(record):
    """Group, resource with its subresource, verb, name."""
    about = record["objectRef"]
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    return about.get("apiGroup", ""), resource, record["verb"], about.get("name", "")


def judge(lab, path, whole):
    """Prints both lists; whether both are empty. What is never used is told by the whole suite only."""
    granted, used, refused = rules(lab), collections.Counter(), collections.Counter()
    for record in records(path):
        group, resource, verb, name = of(record)
        if record.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid":
            refused[group, resource, verb] += 1
            continue
        used[group, resource, verb, name] += 1
        # An apply of what is not there yet makes it, which is asked for too.
        if verb == "patch" and record.get("responseStatus", {}).get("code") == 201:
            used[group, resource, "create", ""] += 1
    if not used:
        raise Wrong(f"{path} has no request of the operator's")
    idle = []
    for (group, resource, names), verbs in granted.items():
        for verb in sorted(verbs):
            did = any(u[:3] == (group, resource, verb) and (not names or u[3] in names) for u in used)
            if not did and (resource, verb) not in UNSEEN:
                idle.append(f"{verb} {resource}{'.' + group if group else ''}{' ' + ','.join(names) if names else ''}")
    missing = [f"{verb} {resource}{'.' + group if group else ''} ({count} times)" for (group, resource, verb), count in sorted(refused.items())]
    total = sum(len(verbs) for verbs in granted.values())
    print(f"  {sum(used.values())} requests by the operator's accounts, {total} rights")
    print(f"  granted and never used: {', '.join(idle) or 'none'}")
    print(f"  used and not granted: {', '.join(missing) or 'none'}")
    for (resource, verb), why in UNSEEN.items():
        print(f"  not judged: {verb} {resource}: {why}")
    return not missing and not (whole and idle)
