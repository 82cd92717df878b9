"""A service account with exactly the rights that `paas operator install` grants, for an operator that a part runs beside the cluster."""

import json
import os
import pathlib

NAME = "paas-operator"

# What of an installation is about rights: the pods are not wanted, for the part runs the program itself.
RIGHTS = {"ServiceAccount", "Role", "RoleBinding"}


def grant(lab, namespace):
    """Gives an operator of this namespace alone its rights there; the arguments of its pods, and a kubeconfig of its account."""
    objects = lab.manifests("--namespace", namespace, "--watch-namespace", namespace)
    ours = [o for o in objects if o["kind"] in RIGHTS]
    lab.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": ours}))
    pods = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]
    token = lab.kubectl("-n", namespace, "create", "token", NAME, "--duration", "3h").strip()
    return pods["containers"][0]["args"], kubeconfig(lab, namespace, token)


def kubeconfig(lab, namespace, token=None):
    """The lab's kubeconfig for this namespace; with a token in place of the administrator's certificate if there is one."""
    text = json.loads(lab.kubectl("config", "view", "--raw", "--flatten", "-o", "json"))
    if token:
        text["users"] = [{"name": u["name"], "user": {"token": token}} for u in text["users"]]
    for context in text["contexts"]:
        context["context"]["namespace"] = namespace
    path = pathlib.Path(lab.folder) / "run" / f"{'operator' if token else 'people'}-{namespace}.kubeconfig"
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        json.dump(text, out)
    return str(path)
