"""What the lab's fake hypervisor cannot do: for every server that Nova reports ACTIVE a machine boots with the user-data and metadata that
Nova's own metadata service hands out for it, on the address of its Neutron port, and has its floating IP. A server that is gone has
its machine taken away.

And the way from the machines' network to the services of the lab: they listen on the loopback of this host, and the catalog says so, so
the same ports of the same address lead there from within.
"""

import ctypes
import hashlib
import hmac
import json
import os
import pathlib
import re
import selectors
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

METADATA_SECRET = b"lab-metadata"  # the lab's own setting of Nova


class Cloud:
    """Nova seen by its administrator, with a login that is renewed."""

    def __init__(self, clouds, name="lab-admin"):
        text = pathlib.Path(clouds).read_text()
        entry = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", text, re.M).group(1)
        said = dict(re.findall(r"^\s+(\w+):\s*['\"]?([^'\"\n]*)['\"]?$", entry, re.M))
        self.url, self.said, self.token, self.until = said["auth_url"].rstrip("/"), said, None, 0
        if not self.url.endswith("/v3"):
            self.url += "/v3"

    def login(self):
        s = self.said
        domain = {"id": s.get("user_domain_id", "default")}
        body = {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"name": s["username"], "domain": domain, "password": s["password"]}}},
            "scope": {"project": {"name": s["project_name"], "domain": domain}},
        }}
        request = urllib.request.Request(f"{self.url}/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.token, catalog = answer.headers["X-Subject-Token"], json.load(answer)["token"]["catalog"]
        self.nova = next(e["url"] for s in catalog if s["type"] == "compute" for e in s["endpoints"] if e["interface"] == "public")
        self.until = time.monotonic() + 1800

    def servers(self):
        if time.monotonic() > self.until:
            self.login()
        request = urllib.request.Request(f"{self.nova}/servers/detail?all_tenants=1", headers={"X-Auth-Token": self.token})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["servers"]

    def metadata(self, server, address, what):
        """What the server itself would be told."""
        port = 8775 + int(self.nova.split(":")[2].split("/")[0]) - 8774
        signed = hmac.new(METADATA_SECRET, server["id"].encode(), hashlib.sha256).hexdigest()
        headers = {
            "X-Instance-ID": server["id"], "X-Tenant-ID": server["tenant_id"], "X-Forwarded-For": address, "X-Instance-ID-Signature": signed,
        }
        request = urllib.request.Request(f"http://127.0.0.1:{port}/openstack/latest/{what}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


class Bridge(threading.Thread):
    """Boots and takes away machines until it is stopped."""

    def __init__(self, cloud, machines, folder, box, images=(), names=()):
        super().__init__(daemon=True)
        self.cloud, self.machines, self.folder, self.box, self.images = cloud, machines, folder, pathlib.Path(box), list(images)
        self.names = [name.split("=", 1) for name in names]
        self.begun = {}
        self.booted, self.stopped, self.trouble, self.paused = {}, threading.Event(), None, set()

    def do(self, *words, environment=None, check=True):
        done = subprocess.run([self.machines, *map(str, words)], env={**os.environ, **(environment or {})}, capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(f"machines {' '.join(map(str, words))}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def run(self):
        while not self.stopped.wait(0.5):
            try:
                self.look()
            except (urllib.error.URLError, TimeoutError, ConnectionError, RuntimeError, subprocess.SubprocessError) as e:
                self.trouble = str(e)

    def look(self):
        there = {s["id"]: s for s in self.cloud.servers() if s["metadata"].get("paas.owner") or "paas" in json.dumps(s["metadata"])}
        for id in [id for id in self.booted if id not in there]:
            name = self.booted.pop(id)
            if name not in self.booted.values():
                self.do("delete", self.folder, name)
        for id, server in there.items():
            if server["status"] != "ACTIVE":
                continue
            if id not in self.booted:
                self.boot(server)
            self.floating(server)

    def boot(self, server):
        addresses = [a for all in server["addresses"].values() for a in all if a["OS-EXT-IPS:type"] == "fixed"]
        if not addresses:
            return
        address, name = addresses[0]["addr"], server["name"]
        data, meta = self.box / f"{name}.user-data", self.box / f"{name}.meta"
        data.touch(mode=0o600)
        data.write_bytes(self.cloud.metadata(server, address, "user_data"))
        meta.write_bytes(self.cloud.metadata(server, address, "meta_data.json"))
        self.do("start", self.folder, name, data, address, environment={"MACHINE_ID": server["id"], "MACHINE_META": str(meta)})
        self.booted[server["id"]] = name
        self.begun.setdefault(name, time.time())
        if self.images or self.names:
            threading.Thread(target=self.load, args=(name,), daemon=True).start()

    def load(self, name):
        """What the machines' image does not have, or has by another name."""
        for image in self.images:
            self.containerd(name, "import", "-", archive=image)
        for old, new in self.names:
            self.containerd(name, "tag", "--force", old, new)

    def containerd(self, name, *words, archive=os.devnull):
        """Its daemon is up a few seconds after the machine."""
        until = time.monotonic() + 60
        while True:
            command = [self.machines, "exec", self.folder, name, "ctr", "-n", "k8s.io", "images", *words]
            with open(archive, "rb") as source:
                done = subprocess.run(command, stdin=source, capture_output=True, text=True)
            if done.returncode == 0:
                return
            if time.monotonic() > until:
                self.trouble = f"ctr images {' '.join(words)} on {name}: {done.stderr.strip()}"
                return
            time.sleep(0.5)

    def floating(self, server):
        fixed = [a["addr"] for all in server["addresses"].values() for a in all if a["OS-EXT-IPS:type"] == "fixed"]
        floating = [a["addr"] for all in server["addresses"].values() for a in all if a["OS-EXT-IPS:type"] == "floating"]
        for address in floating:
            net = f"{self.folder}/machines/{server['name']}/net"
            subprocess.run(["nsenter", f"--net={net}", "ip", "addr", "replace", f"{address}/32", "dev", "lo"], capture_output=True)
            self.do("net", self.folder, "ip", "route", "replace", f"{address}/32", "via", fixed[0], check=False)

    def stop(self):
        self.stopped.set()
        self.join(timeout=60)


class Ways(threading.Thread):
    """The lab's ports of this host's loopback, at the same addresses inside the machines' network."""

    def __init__(self, namespace, ports):
        super().__init__(daemon=True)
        self.listening = []
        libc, home = ctypes.CDLL(None, use_errno=True), os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(namespace, os.O_RDONLY)
        try:
            # A socket stays in the network that it was made in.
            if libc.setns(there, 0):
                raise OSError(ctypes.get_errno(), "setns")
            for port in ports:
                listener = socket.create_server(("127.0.0.1", port), backlog=128)
                listener.setblocking(False)
                self.listening.append((listener, port))
        finally:
            libc.setns(home, 0)
            os.close(there)
            os.close(home)

    def run(self):
        chosen = selectors.DefaultSelector()
        for listener, port in self.listening:
            chosen.register(listener, selectors.EVENT_READ, port)
        while True:
            for key, _ in chosen.select():
                client, _ = key.fileobj.accept()
                threading.Thread(target=self.carry, args=(client, key.data), daemon=True).start()

    @staticmethod
    def carry(client, port):
        client.setblocking(True)
        try:
            server = socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)

        def one_way(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        back = threading.Thread(target=one_way, args=(server, client), daemon=True)
        back.start()
        one_way(client, server)
        back.join()
        client.close()
        server.close()
