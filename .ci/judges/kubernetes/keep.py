"""Deleting keeps data, a later instance takes it up; with consent everything goes. The same for every runtime."""

from lab import Wrong, is_ready

ROWS = 1000

# What stays after everything was deleted with consent, because somebody else made it and keeps it.
LEFT = {
    "configmap/kube-root-ca.crt",
    "configmap/cnpg-default-monitoring",  # CloudNativePG's queries for metrics, one copy for all Clusters of the namespace
    "serviceaccount/default",
    "lease.coordination.k8s.io/paas-operator",
    # The operator's account, with the rights of an installation.
    "serviceaccount/paas-operator",
    *(f"{kind}.rbac.authorization.k8s.io/{name}" for kind in ("role", "rolebinding") for name in ("paas-operator", "paas-operator-leader")),
}


# The lab has no image of the Docker library; its own one has everything that is asked of a stock image.
STOCK = ("--server-image", "registry.local/postgresql", "--server-user", "26")


def filled(space, name):
    return space.sql(name, "select count(*) || ' ' || sum(n) from kept") == f"{ROWS} {ROWS * (ROWS + 1) // 2}"


def volumes(space):
    return {v["metadata"]["uid"] for v in space.all("pvc") if "deletionTimestamp" not in v["metadata"]}


def delete_with_consent(space, name):
    """`deletionPolicy: Delete`, and the owner's word for just the steps that are shown."""
    space.patch(name, deletionPolicy="Delete")
    space.until("the policy is seen", lambda: is_ready(space.get("dbi", name)), 60)
    space.kubectl("delete", "dbi", name, "--wait=false")
    agree(space, name)
    space.gone(name)


def agree(space, name):
    def blocked():
        object_ = space.get("dbi", name)
        return not object_ or object_.get("status", {}).get("blocked", {}).get("planHash")

    plan = space.until("the steps that need consent", blocked, 60)
    if plan is not True:
        space.kubectl("annotate", "--overwrite", "dbi", name, f"paas.rs/consent={plan}")


def nothing_left(space, before):
    """What Kubernetes collects after the fact is given a minute."""
    passwords_stay = space.skips("keep: kept passwords go with the data")

    def left():
        new = {thing for thing in space.world() - before if thing not in LEFT}
        return {thing for thing in new if not (passwords_stay and thing.startswith("secret/") and "-secrets-" in thing)}

    try:
        space.until("nothing is left", lambda: not left(), 60)
    except Wrong as wrong:
        raise Wrong(f"{wrong}: {', '.join(sorted(left()))}") from wrong


def keep(space, options, **spec):
    name = "kept"
    before = space.world()
    space.start(*options)
    space.instance(name, **spec)
    space.answers(name)
    space.sql(name, f"create table kept (n int); insert into kept select generate_series(1, {ROWS})")
    had, uri = volumes(space), space.uri(name)

    pod = next(p["metadata"]["name"] for p in space.all("pods") if p["metadata"]["name"].startswith(name))
    space.kubectl("delete", "pod", pod, "--force", "--grace-period=0")
    space.until("rows after the pod died", lambda: filled(space, name), 120)
    space.ready(name)
    space.say(f"the pod died: back with all {ROWS} rows")

    space.kubectl("delete", "dbi", name, "--wait=false")
    space.gone(name)
    if volumes(space) != had:
        raise Wrong(f"deletionPolicy Retain: there were the volumes {had}, now {volumes(space)}")
    if space.all("secrets") and any(s["type"] == "servicebinding.io/postgresql" for s in space.all("secrets")):
        raise Wrong("the binding of a deleted instance is still there")
    space.instance(name, **spec)
    space.ready(name)
    if not filled(space, name) or volumes(space) != had:
        raise Wrong(f"a later instance did not take up the data: volumes {had}, now {volumes(space)}")
    same = "the same" if space.uri(name) == uri else "another"
    space.say(f"deleted and made again: the same volume, all rows, {same} connection string")

    delete_with_consent(space, name)
    nothing_left(space, before)
    space.say("deleted with its data and consent: nothing is left")


def cloudnativepg(space, _given):
    keep(space, (), runtime="CloudNativePG")


def statefulset(space, _given):
    keep(space, STOCK, runtime="StatefulSet", engine={"version": "17"})
