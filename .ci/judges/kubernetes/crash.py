"""The operator is killed with SIGKILL at sampled points of create, change and delete; another one heals everything.

A moment is chosen by a line of the operator's log or by time, from the lengths of runs that nobody disturbs, as far as they are known.
"""

import random
import time

from keep import ROWS, agree, filled, nothing_left
from lab import Wrong

NAME = "crash"
AFTER = {
    "users": [{"name": "app"}, {"name": "report"}],
    "databases": [{"name": "app", "owner": "app"}, {"name": "sales", "owner": "report"}],
    "parameters": {"work_mem": "7MB"},
}

# Lines of log and seconds, about; a kill that comes too late is one between two passes.
LENGTHS = {"create": (30, 25.0), "change": (25, 6.0), "delete": (15, 4.0)}


def strike(space, chance, what):
    """Kills the operator at a moment of the work that begins now. Says when."""
    lines, seconds = LENGTHS[what]
    line, delay = chance.randrange(lines), chance.random() * seconds
    if chance.random() < 0.6:
        had, end = count(space), time.monotonic() + seconds
        while count(space) <= had + line and time.monotonic() < end:
            time.sleep(0.005)
        delay = chance.random() * 0.02
        when = f"after line {count(space) - had}"
    else:
        when = f"after {delay:.1f} s"
    time.sleep(delay)
    space.kill()
    return when


def count(space):
    return space.log.read_bytes().count(b"\n") if space.log.exists() else 0


def once(space, users, databases):
    """Everything is there, and once."""
    wanted = {"clusters.postgresql.cnpg.io": 1, "pods": 1, "pvc": 1, "dbi": 1, "databases.postgresql.cnpg.io": databases}
    wanted["databaseroles.postgresql.cnpg.io"] = 3 * users
    seen = {kind: len(space.all(kind)) for kind in wanted}
    seen["bindings"] = len([s for s in space.all("secrets") if s["type"] == "servicebinding.io/postgresql"])
    wanted["bindings"] = users
    if seen != wanted:
        raise Wrong(f"there are {seen}, not {wanted}")


def create(space, chance):
    space.start()
    space.instance(NAME)
    when = strike(space, chance, "create")
    space.start()
    space.answers(NAME)
    once(space, 1, 1)
    space.sql(NAME, f"create table kept (n int); insert into kept select generate_series(1, {ROWS})")
    return when


def change(space, chance):
    space.patch(NAME, **AFTER)
    when = strike(space, chance, "change")
    space.start()
    space.answers(NAME)
    once(space, 2, 2)
    told = space.sql(NAME, "select current_setting('work_mem') || (select count(*) from pg_database where datname = 'sales')")
    if told != "7MB1" or not filled(space, NAME):
        raise Wrong(f"after the change there is {told}")
    return when


def delete(space, chance):
    space.patch(NAME, deletionPolicy="Delete")
    space.answers(NAME)
    space.kubectl("delete", "dbi", NAME, "--wait=false")
    agree(space, NAME)
    when = strike(space, chance, "delete")
    space.start()
    gone(space)
    return when


def gone(space):
    if space.get("dbi", NAME):
        space.until("gone, or consent is asked for again", lambda: again(space), 90)
    space.gone(NAME)
    nothing_left(space, space.before)


def again(space):
    """Consent is bound to steps: if some of them were done before the kill, the others are asked for again."""
    object_ = space.get("dbi", NAME)
    if not object_:
        return True
    plan = object_.get("status", {}).get("blocked", {}).get("planHash")
    if plan and plan != object_["metadata"].get("annotations", {}).get("paas.rs/consent"):
        space.kubectl("annotate", "--overwrite", "dbi", NAME, f"paas.rs/consent={plan}")
    return False


def part(space, given):
    """Create, change, delete, create, …; the last instance is deleted without a kill."""
    space.before = space.world()
    steps = (create, change, delete)
    for number in range(given.points):
        chance = random.Random(f"{given.seed}/{number}")
        step = steps[number % 3]
        try:
            when = step(space, chance)
        except Wrong as wrong:
            raise Wrong(f"point {number + 1}, {step.__name__}, --seed {given.seed}: {wrong}") from wrong
        space.say(f"{number + 1} {step.__name__}: killed {when}, healed")
        if step is delete:
            space.stop()
    if given.points % 3:
        space.patch(NAME, deletionPolicy="Delete")
        space.answers(NAME)
        space.kubectl("delete", "dbi", NAME, "--wait=false")
        gone(space)
