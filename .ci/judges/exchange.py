"""One HTTP exchange, and what came back."""
import http.client
import json
import urllib.parse


class Answer:
    """What came back."""

    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw
        try:
            self.body = json.loads(raw) if raw else None
        except ValueError:
            self.body = None

    def __getitem__(self, name):
        if not isinstance(self.body, dict) or name not in self.body:
            raise SystemExit(f'no member {name} in: {self.status} {self.raw[:500]}')
        return self.body[name]


def exchange(method, url, body=None, headers=None):
    """One exchange; nothing is followed, nothing is repeated."""
    at = urllib.parse.urlsplit(url)
    link = http.client.HTTPConnection(at.hostname, at.port, timeout=120)
    headers = {'Accept': 'application/json', 'Connection': 'close', **(headers or {})}
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
        headers.setdefault('Content-Type', 'application/json')
    link.request(method, at.path + (f'?{at.query}' if at.query else ''), body, {k: v for k, v in headers.items() if v is not None})
    got = link.getresponse()
    answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
    link.close()
    return answer
