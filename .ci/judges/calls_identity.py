"""Keystone, and what every service says to a token that is none."""
from cloud import NAME, NOBODY, bare


def story(lab, credential):
    key, rec = lab.keystone, lab.recorder
    tokens = f'{key}/v3/auth/tokens'

    def login(name, auth, query=''):
        return rec.call(f'identity: {name}', 'POST', tokens + query, {'auth': auth})

    rec.call('identity: versions', 'GET', f'{key}/')
    rec.call('identity: version', 'GET', f'{key}/v3')
    rec.call('identity: unrouted', 'GET', f'{key}/v3/nothing-here', headers={'X-Auth-Token': lab.token})
    auth = lab.auth()
    login('password', auth)
    login('password, no catalog', auth, '?nocatalog')
    login('password, by ids', {'identity': {'methods': ['password'], 'password': {'user': {'id': lab.user, 'password': lab.entry['password']}}},
                               'scope': {'project': {'id': lab.project}}})
    login('password, explicitly unscoped', {**auth, 'scope': {'unscoped': {}}})
    login('wrong password', lab.auth(password='wrong'))
    login('unknown user', lab.auth(name='nobody'))
    login('unknown project', {**auth, 'scope': {'project': {'id': NOBODY.replace('-', '')}}})
    login('foreign project', {**auth, 'scope': {'project': {'name': 'lab-other', 'domain': {'id': 'default'}}}})
    login('unknown method', {'identity': {'methods': ['magic'], 'magic': {}}})
    login('no identity', {})
    rec.call('identity: no JSON', 'POST', tokens, 'no json', {'Content-Type': 'application/json'})
    login('rescope', {'identity': {'methods': ['token'], 'token': {'id': lab.token}}, 'scope': {'project': {'id': lab.project}}})
    login('rescope a bad token', {'identity': {'methods': ['token'], 'token': {'id': 'bad'}}, 'scope': {'project': {'id': lab.project}}})
    login('application credential', credential.auth())
    login('application credential, wrong secret', credential.auth(secret='wrong'))
    login('application credential, unknown', credential.auth(id='0' * 32))
    login('application credential with a scope', {**credential.auth(), 'scope': {'project': {'id': lab.project}}})

    lab.call('identity: validate', 'GET', 'identity', 'auth/tokens', X_Subject_Token=lab.token)
    lab.call('identity: validate a bad one', 'GET', 'identity', 'auth/tokens', X_Subject_Token='bad')
    lab.call('identity: catalog', 'GET', 'identity', 'auth/catalog')
    lab.call('identity: projects of the token', 'GET', 'identity', 'auth/projects')
    lab.call('identity: own user', 'GET', 'identity', f'users/{lab.user}')
    lab.call('identity: own project', 'GET', 'identity', f'projects/{lab.project}')
    lab.call('identity: unknown project by id', 'GET', 'identity', f'projects/{NOBODY}')
    lab.call('identity: all projects are not for members', 'GET', 'identity', 'projects')
    lab.call('identity: a user is not for members to make', 'POST', 'identity', 'users', {'user': {'name': NAME}})
    lab.call('identity: regions', 'GET', 'identity', 'regions')

    mine = f'users/{lab.user}/application_credentials'
    wanted = {'application_credential': {'name': NAME, 'description': NAME}}
    made = lab.call('identity: make a credential', 'POST', 'identity', mine, wanted)['application_credential']
    lab.call('identity: the same name again', 'POST', 'identity', mine, wanted)
    lab.call('identity: a role one has not', 'POST', 'identity', mine,
             {'application_credential': {'name': NAME + '-2', 'roles': [{'name': 'admin'}]}})
    lab.call('identity: a credential without name', 'POST', 'identity', mine, {'application_credential': {}})
    lab.call('identity: credentials', 'GET', 'identity', mine)
    lab.call('identity: credentials by name', 'GET', 'identity', f'{mine}?name={NAME}')
    lab.call('identity: credential', 'GET', 'identity', f'{mine}/{made["id"]}')
    login('with the new credential, by name', {'identity': {'methods': ['application_credential'], 'application_credential': {
        'name': NAME, 'secret': made['secret'], 'user': {'id': lab.user}}}})
    credential.call('identity: a restricted credential makes none', 'POST', 'identity', mine, wanted)
    lab.call('identity: delete the credential', 'DELETE', 'identity', f'{mine}/{made["id"]}')
    lab.call('identity: delete it again', 'DELETE', 'identity', f'{mine}/{made["id"]}')
    login('with the deleted credential', {'identity': {'methods': ['application_credential'], 'application_credential': {
        'id': made['id'], 'secret': made['secret']}}})

    once = login('a token to revoke', auth).headers['x-subject-token']
    lab.call('identity: revoke', 'DELETE', 'identity', 'auth/tokens', X_Subject_Token=once)
    lab.call('identity: validate the revoked', 'GET', 'identity', 'auth/tokens', X_Subject_Token=once)

    paths = {'identity': 'auth/projects', 'compute': 'servers', 'network': 'networks', 'image': 'images', 'block-storage': 'volumes',
             'load-balancer': 'loadbalancers', 'placement': 'resource_providers'}
    for kind, path in paths.items():
        rec.call(f'{kind}: versions of the service', 'GET', bare(lab.roots[kind]).removesuffix('/v2').removesuffix('/lbaas').removesuffix('/v2') + '/')
        rec.call(f'{kind}: without a token', 'GET', lab.url(kind, path))
        rec.call(f'{kind}: with a bad token', 'GET', lab.url(kind, path), headers={'X-Auth-Token': 'bad'})
        rec.call(f'{kind}: with the revoked token', 'GET', lab.url(kind, path), headers={'X-Auth-Token': once})
    for kind, version in (('compute', 'v2.1'), ('network', 'v2.0'), ('image', 'v2'), ('block-storage', 'v3'), ('load-balancer', 'v2')):
        root = lab.roots[kind]
        rec.call(f'{kind}: its version document', 'GET', root[:root.index(f'/{version}')] + f'/{version}/', headers={'X-Auth-Token': lab.token})
