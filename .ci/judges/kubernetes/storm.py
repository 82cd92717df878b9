"""An installed operator under continuous creates, changes and deletes, while its pods are killed and its leader's node is cut off."""

import random
import threading
import time

from deployed import HOME, IMAGES, NAME, image, led, operator
from keep import STOCK
from lab import Wrong, is_ready

# What the storm is about: a few at a time, so that two cores carry them.
AT_ONCE = 3
VERSION = {"version": "17"}


class People:
    """Somebody who makes, changes and deletes databases without a pause, and remembers what is wanted."""

    def __init__(self, space, seed):
        self.space, self.chance, self.wanted, self.said, self.number = space, random.Random(seed), {}, {"made": 0, "changed": 0, "deleted": 0}, 0
        self.gone, self.filled, self.ends = [], set(), threading.Event()
        self.thread = threading.Thread(target=self.live, daemon=True)

    def live(self):
        while not self.ends.wait(self.chance.uniform(1, 4)):
            try:
                self.act()
            except Wrong:
                # A database that is cut off, an API server that is busy: another time.
                continue

    def act(self):
        ready = [n for n in self.wanted if is_ready(self.space.get("dbi", n) or {"metadata": {"generation": 0}})]
        for name in ready:
            if name not in self.filled:
                self.space.sql(name, "create table kept (n int); insert into kept values (1)")
                self.filled.add(name)
        if len(self.wanted) < AT_ONCE + 1:
            self.number += 1
            name = f"storm-{self.number}"
            runtime = "CloudNativePG" if self.number % 3 == 0 else "StatefulSet"
            spec = {"runtime": runtime, "parameters": {"work_mem": "4MB"}, "deletionPolicy": "Delete"}
            self.space.instance(name, **spec, **({"engine": VERSION} if runtime == "StatefulSet" else {}))
            self.wanted[name] = "4MB"
            self.said["made"] += 1
        elif self.mortal(ready) and self.chance.random() < 0.5:
            name, value = self.chance.choice(self.mortal(ready)), f"{self.chance.randint(5, 60)}MB"
            self.space.patch(name, parameters={"work_mem": value})
            self.wanted[name] = value
            self.said["changed"] += 1
        elif len(self.mortal(ready)) > 1:
            name = self.chance.choice(self.mortal(ready))
            del self.wanted[name]
            self.gone.append(name)
            self.space.kubectl("delete", "dbi", name, "--wait=false")
            self.said["deleted"] += 1

    def mortal(self, names):
        """Those that may be changed and deleted."""
        return [n for n in names if n in self.filled and self.wanted[n]]

    def stop(self):
        self.ends.set()
        self.thread.join()


def consent(space, names):
    """Somebody agrees to what the deleted ones wait for."""
    for name in names:
        object_ = space.get("dbi", name)
        shown = ((object_ or {}).get("status", {}).get("blocked") or {}).get("planHash")
        if shown and object_["metadata"].get("annotations", {}).get("paas.rs/consent") != shown:
            space.kubectl("annotate", "dbi", name, f"paas.rs/consent={shown}", "--overwrite")


def kill(space, chance):
    """One pod of the operator dies, the leader's or the other's."""
    pods = space.lab.kubectl("-n", HOME, "get", "pods", "-l", f"app.kubernetes.io/name={NAME}", "-o", "name").split()
    if pods:
        space.lab.run("kubectl", "-n", HOME, "delete", chance.choice(pods), "--force", "--grace-period=0")


def cut(space, seconds):
    """The node of the leader has no network for a while."""
    leader = led(space)
    node = space.lab.kubectl("-n", HOME, "get", "pod", leader, "-o", "jsonpath={.spec.nodeName}")
    space.lab.run(space.lab.lab / "exec", space.lab.folder, "--", "ip", "link", "set", node, "down")
    try:
        time.sleep(seconds)
    finally:
        space.lab.run(space.lab.lab / "exec", space.lab.folder, "--", "ip", "link", "set", node, "up")
    return node


def scrape(space):
    """What the leader says of itself."""
    pod = led(space)
    address = space.lab.kubectl("-n", HOME, "get", "pod", pod, "-o", "jsonpath={.status.podIP}")
    done = space.lab.run(space.lab.lab / "exec", space.lab.folder, "--", "curl", "-sf", "--max-time", "5", f"http://{address}:8080/metrics")
    space.lab.metrics["metrics of the installed operator"] = done.stdout
    lines = [line.split(" ") for line in done.stdout.splitlines() if not line.startswith("#")]
    value = {words[0]: float(words[1]) for words in lines if len(words) == 2}
    return {name: value[name] for name in ("process_resident_memory_bytes", "process_open_fds", "tokio_alive_tasks")}


def part(space, given):
    chance = random.Random(given.seed)
    image(space)
    operator(space, "install", "--image", IMAGES[0], *STOCK, "--log", "trace", "--timeout", "200s")
    led(space)
    space.instance("still", runtime="StatefulSet", engine=VERSION)
    space.ready("still", 240)
    time.sleep(20)
    first = scrape(space) | {"watches": watches(space)}
    people = People(space, given.seed)
    people.wanted["still"] = None
    people.thread.start()
    end, kills, cuts = time.monotonic() + given.storm, 0, 0
    middle = time.monotonic() + given.storm / 2
    while time.monotonic() < end:
        time.sleep(chance.uniform(8, 25))
        consent(space, people.gone)
        if not cuts and time.monotonic() > middle:
            space.say(f"the leader's node {cut(space, 45)} was cut off for 45 s")
            cuts += 1
        else:
            kill(space, chance)
            kills += 1
    people.stop()
    space.say(f"{given.storm} s: {people.said['made']} made, {people.said['changed']} changed, {people.said['deleted']} deleted; {kills} pods killed")
    led(space)

    def over():
        consent(space, people.gone)
        left = {o["metadata"]["name"] for o in space.all("dbi")}
        return left == set(people.wanted)

    space.until("all that was deleted gone", over, 240)
    for name, value in people.wanted.items():
        space.answers(name, 300)
        if name in people.filled and space.sql(name, "select count(*) from kept") != "1":
            raise Wrong(f"{name} lost its row")
        if not value:
            continue
        space.until(f"{name} has work_mem {value}", lambda name=name, value=value: space.sql(name, "show work_mem") == value, 120)
    whole(space, people)
    quiet(space, first)


def whole(space, people):
    """Of each database there is everything once, and of the others nothing."""
    servers = space.all("clusters.postgresql.cnpg.io,statefulsets")
    found = sorted(o["metadata"]["name"] for o in servers)
    if found != sorted(people.wanted):
        raise Wrong(f"wanted are {sorted(people.wanted)}, and there are servers of {found}")
    owners = {o["metadata"]["labels"]["paas.rs/owner"] for o in servers}
    stray = []
    for object_ in space.all("secrets,configmaps,services,pvc,networkpolicies,databases.postgresql.cnpg.io,databaseroles.postgresql.cnpg.io"):
        owner = object_["metadata"].get("labels", {}).get("paas.rs/owner")
        if owner and owner not in owners:
            stray.append(f"{object_['kind']}/{object_['metadata']['name']}")
    if stray:
        raise Wrong(f"left of what was deleted: {', '.join(stray)}")
    space.say(f"{len(owners)} databases, each with its servers once, its rows and settings; nothing of the {len(people.gone)} deleted ones is left")


def watches(space):
    """How many watches of our kinds the API server serves: nobody but operators has any."""
    text = space.lab.kubectl("get", "--raw", "/metrics")
    lines = [line for line in text.splitlines() if line.startswith("apiserver_longrunning_requests{") and 'group="paas.rs"' in line]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if 'verb="WATCH"' in line)


def quiet(space, first):
    """Once nothing is to be done, the leader has no more tasks, connections and watches than an operator that just began."""

    def settled():
        now = scrape(space) | {"watches": watches(space)}
        less = all(now[name] <= first[name] for name in ("tokio_alive_tasks", "process_open_fds", "watches"))
        return now if less else None

    try:
        last = space.until("the leader as small as before", settled, 120)
    except Wrong as wrong:
        raise Wrong(f"{wrong}: before {first}, now {scrape(space)}, {watches(space)} watches") from wrong
    said = [f"{name} {int(first[name])} → {int(last[name])}" for name in first]
    space.say("the leader before and after, at rest: " + ", ".join(said))
