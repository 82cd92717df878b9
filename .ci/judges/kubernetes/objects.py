"""The commands of `paas` for objects in a cluster, those of the document in its order; kubectl and psql judge what became of them."""

import pathlib
import re
import shutil
import tempfile

from keep import volumes
from lab import ROOT, Wrong, is_ready

DOCUMENT = ROOT / "docs" / "src" / "cluster-databases.md"
ROWS = 500


def commands(text):
    """The commands of the document with the code that each ends with."""
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for line in block.splitlines():
            if found := re.match(r"\$ (.*?)(?:\s+# exits (\d+))?$", line):
                yield found[1], int(found[2] or 0)


class Hands:
    """A folder with a kubeconfig whose context means the namespace, and `paas` on the path."""

    def __init__(self, space, folder):
        self.space, self.folder = space, pathlib.Path(folder)
        kubeconfig = self.folder / "kubeconfig"
        shutil.copy(space.lab.environment["KUBECONFIG"], kubeconfig)
        (self.folder / "bin").mkdir()
        for name in ("paas", "kubectl-paas"):
            (self.folder / "bin" / name).symlink_to(space.lab.paas)
        path = f"{self.folder}/bin:{space.lab.environment['PATH']}"
        self.words = ["env", "-C", str(self.folder), f"PATH={path}", f"KUBECONFIG={kubeconfig}", f"PAAS_HOME={self.folder}/home"]
        self.run("kubectl", "config", "set-context", "--current", "--namespace", space.name)

    def run(self, *words, code=0, seconds=300):
        done = self.space.lab.run(*self.words, *words, seconds=seconds)
        if done.returncode != code:
            raise Wrong(f"{' '.join(words)}: {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr


def objects(space, _given):
    text = DOCUMENT.read_text()
    space.start()
    with tempfile.TemporaryDirectory() as folder:
        hands = Hands(space, folder)
        (hands.folder / "shop.yaml").write_text(re.search(r"```yaml\n(.*?)```", text, re.S)[1])
        had, uri = set(), None
        for command, code in commands(text):
            said = hands.run(*command.split(), code=code)
            verb = " ".join(w for w in command.split()[1:3] if w != "shop")
            if verb == "db create":
                if not is_ready(space.get("dbi", "shop")):
                    raise Wrong(f"{command} ended and it is not ready\n{said}")
                if uri is None:
                    space.sql("shop", f"create table kept (n int); insert into kept select generate_series(1, {ROWS})")
                    had, uri = volumes(space), space.uri("shop")
                elif volumes(space) != had or space.sql("shop", "select count(*) from kept") != str(ROWS):
                    raise Wrong("a database of the same name did not take up the data")
            elif verb == "db list" and not re.search(r"^shop +Ready +17\S* +1/1 ", said, re.M):
                raise Wrong(f"db list: {said}")
            elif verb == "db show" and not re.search(r"its server is ready, primary shop-1", said):
                raise Wrong(f"db show: {said}")
            elif verb.startswith("events") and "shop" not in said:
                raise Wrong(f"events: {said}")
            elif verb == "db set" and space.sql("shop", "show work_mem") != "16MB":
                raise Wrong("db set: the server says something else")
            elif verb == "db rotate":
                old = space.lab.psql(uri, "select 1")
                if space.uri("shop") == uri or old.returncode:
                    raise Wrong(f"db rotate: the same binding, or the former login is closed already: {old.stderr}")
                space.sql("shop", "select 1")
            elif verb.startswith("up"):
                if space.sql("shop", "show work_mem") != "32MB":
                    raise Wrong("up: the server says something else")
                diff = space.lab.run("kubectl", "-n", space.name, "diff", "--server-side", "-f", hands.folder / "shop.yaml")
                if diff.returncode:
                    raise Wrong(f"kubectl diff after up: {diff.stdout}{diff.stderr}")
            elif verb == "db delete":
                if space.get("dbi", "shop"):
                    raise Wrong(f"{command} ended and it is there")
                gone = "--delete-data" in command
                if gone:
                    space.until("the volumes are gone", lambda: not volumes(space), 60)
                elif volumes(space) != had:
                    raise Wrong(f"{command}: the volumes went")
        space.say(f"{len(list(commands(text)))} commands of the document; rows kept through delete and create, gone with consent")
        hands.run("kubectl", "paas", "db", "list", "-n", space.name)
        space.say("kubectl paas runs")
