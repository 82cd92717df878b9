"""A project of an OpenStack cloud, seen from outside with nothing but HTTP: what is in it, and things of somebody else put into it."""

import json
import pathlib
import re
import urllib.error
import urllib.request

# What a platform is made of: the service, the list, and where it stands in the answer.
LISTS = [
    ("network", "v2.0/networks", "networks"),
    ("network", "v2.0/subnets", "subnets"),
    ("network", "v2.0/routers", "routers"),
    ("network", "v2.0/ports", "ports"),
    ("network", "v2.0/security-groups", "security_groups"),
    ("network", "v2.0/security-group-rules", "security_group_rules"),
    ("network", "v2.0/floatingips", "floatingips"),
    ("compute", "servers/detail", "servers"),
    ("compute", "os-keypairs", "keypairs"),
    ("compute", "os-server-groups", "server_groups"),
    ("block-storage", "volumes/detail", "volumes"),
]

# A service under the names that catalogs have for it.
ALSO = {"block-storage": ("block-storage", "volumev3", "block-store")}


class Project:
    """Logged in with the password that a clouds.yaml holds; read by hand, so that no library is needed."""

    def __init__(self, clouds, name):
        entry = re.search(rf"^  {re.escape(name)}:\n((?:    .*\n)+)", pathlib.Path(clouds).read_text() + "\n", re.MULTILINE)
        said = dict(re.findall(r"^ +(\w+): *(\S.*?) *$", entry[1], re.MULTILINE))
        domain = {"id": said["user_domain_id"]} if "user_domain_id" in said else {"name": said.get("user_domain_name", "Default")}
        user = {"name": said["username"], "password": said["password"].strip("'\""), "domain": domain}
        scope = {"project": {"name": said["project_name"], "domain": domain}}
        self.token = None
        url = said["auth_url"].rstrip("/")
        url = url if url.endswith("/v3") else f"{url}/v3"
        identity = {"methods": ["password"], "password": {"user": user}}
        self.token, answer = self._login(f"{url}/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        self.id = answer["token"]["project"]["id"]
        self.endpoints = {}
        for service in answer["token"]["catalog"]:
            public = [e["url"] for e in service["endpoints"] if e["interface"] == "public"]
            self.endpoints[service["type"]] = public[0].rstrip("/")

    @staticmethod
    def _login(url, body):
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers["X-Subject-Token"], json.load(answer)

    def call(self, method, service, path, body=None):
        """The answer as JSON."""
        url = next(self.endpoints[name] for name in ALSO.get(service, (service,)) if name in self.endpoints)
        headers = {"X-Auth-Token": self.token, "Content-Type": "application/json"}
        if service == "compute":
            headers["OpenStack-API-Version"] = "compute 2.79"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def world(self):
        """Everything of the project, by kind and id."""
        seen = {}
        for service, path, member in LISTS:
            for one in self.call("GET", service, path)[member]:
                one = one.get("keypair", one)
                owner = one.get("project_id", one.get("tenant_id", self.id))
                # Nova lists a server that is deleted and gone from its host for a moment longer, until its record is closed.
                if owner in (self.id, "") and (member, one.get("status")) != ("servers", "DELETED"):
                    seen[member, one.get("id", one.get("name"))] = one
        return seen

    def strangers(self, platform):
        """Things that look like the platform's and are not. Gives what takes them away again."""
        network = self.call(
            "POST", "network", "v2.0/networks", {"network": {"name": f"default-{platform}-network", "description": "paas:"}}
        )["network"]["id"]
        self.call(
            "POST", "network", "v2.0/subnets", {"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.20.0.0/16"}}
        )
        port = self.call(
            "POST", "network", "v2.0/ports", {"port": {"network_id": network, "name": f"default-{platform}-port-workers-1"}}
        )["port"]["id"]
        group = self.call(
            "POST", "network", "v2.0/security-groups", {"security_group": {"name": f"default-{platform}-security-group-nodes"}}
        )["security_group"]["id"]
        paths = [f"v2.0/ports/{port}", f"v2.0/networks/{network}", f"v2.0/security-groups/{group}"]
        return lambda: [self.call("DELETE", "network", path) for path in paths]
