"""A cloud of clouds.yaml with a token, whose calls are recorded."""
import base64
import time
import uuid

from exchange import exchange

NAME = f'diff-{int(time.time())}'
KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAlvWJPYlpAcRjTfJBbIGSeUgWtyPS4tZcG5rUM judge'
NOBODY = str(uuid.uuid4())


class Cloud:
    """One cloud of clouds.yaml, with a token."""

    def __init__(self, recorder, entry):
        self.recorder, self.entry = recorder, entry['auth']
        self.keystone = self.entry['auth_url'].rstrip('/').removesuffix('/v3')
        got = exchange('POST', f'{self.keystone}/v3/auth/tokens', {'auth': self.auth()})
        if got.status != 201:
            raise SystemExit(f'no token: {got.status} {got.raw!r}')
        self.token, self.about = got.headers['x-subject-token'], got['token']
        self.project, self.user = self.about['project']['id'], self.about['user']['id']
        self.roots = {'identity': f'{self.keystone}/v3'}
        for service in self.about['catalog']:
            url = next(e['url'] for e in service['endpoints'] if e['interface'] == 'public').rstrip('/')
            kind = {'volumev3': 'block-storage'}.get(service['type'], service['type'])
            self.roots[kind] = {'network': f'{bare(url)}/v2.0', 'image': f'{bare(url)}/v2', 'load-balancer': f'{bare(url)}/v2/lbaas',
                                'compute': f'{bare(url)}/v2.1', 'block-storage': f'{bare(url)}/v3/{self.project}',
                                'identity': f'{self.keystone}/v3'}.get(kind, url)

    def auth(self, **changed):
        e = self.entry
        if 'application_credential_id' in e:
            return {'identity': {'methods': ['application_credential'], 'application_credential': {
                'id': e['application_credential_id'], 'secret': e['application_credential_secret'], **changed}}}
        domain = {'id': e.get('user_domain_id', 'default')}
        user = {'name': e['username'], 'domain': domain, 'password': e['password'], **changed}
        return {'identity': {'methods': ['password'], 'password': {'user': user}},
                'scope': {'project': {'name': e['project_name'], 'domain': domain}}}

    def call(self, name, method, kind, path, body=None, version=None, **headers):
        """Recorded; the path is below the service's versioned root."""
        return self.recorder.call(name, method, self.url(kind, path), body, self.headers(kind, version, headers))

    def quiet(self, method, kind, path, body=None, version=None, **headers):
        return exchange(method, self.url(kind, path), body, self.headers(kind, version, headers))

    def url(self, kind, path):
        return path if path.startswith('http') else f'{self.roots[kind]}/{path}' if path else self.roots[kind]

    def headers(self, kind, version, more):
        service = {'block-storage': 'volume'}.get(kind, kind)
        said = {'OpenStack-API-Version': f'{service} {version}'} if version else {}
        return {'X-Auth-Token': self.token, **said, **{key.replace('_', '-'): value for key, value in more.items()}}

    def until(self, kind, path, member, field, good, version=None, bad=('ERROR', 'error')):
        end = time.monotonic() + 180
        while True:
            answer = self.quiet('GET', kind, path, version=version)
            state = answer[member][field] if answer.status == 200 else answer.status
            if state == good:
                return
            if state in bad or time.monotonic() > end:
                raise SystemExit(f'{path}: {state}, not {good}: {answer.raw!r}')
            time.sleep(0.2)


def bare(url):
    """The root of a service: its URL without version and project."""
    parts = url.split('/')
    while parts[-1].startswith('v') and parts[-1][1:2].isdigit() or len(parts[-1]) == 32:
        parts.pop()
    return '/'.join(parts)


def encoded(text):
    return base64.b64encode(text.encode()).decode()
