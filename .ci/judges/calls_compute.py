"""Nova and Placement."""
from cloud import KEY, NAME, NOBODY, encoded


def story(lab, other, admin, made):
    def call(name, method, path, body=None, version='2.90', who=lab, **headers):
        return who.call(f'compute: {name}', method, 'compute', path, body, version, **headers)

    image = lab.quiet('GET', 'image', 'images?status=active')['images'][0]['id']
    flavors = lab.quiet('GET', 'compute', 'flavors/detail')['flavors']
    flavor, toobig = min(flavors, key=lambda f: f['ram'])['id'], max(flavors, key=lambda f: f['vcpus'])['id']

    call('flavors', 'GET', 'flavors')
    call('flavors in detail, at 2.1', 'GET', 'flavors/detail', version=None)
    call('flavors in detail', 'GET', 'flavors/detail')
    call('flavor', 'GET', f'flavors/{flavor}')
    call('unknown flavor', 'GET', f'flavors/{NOBODY}')
    call('flavors, one page', 'GET', 'flavors?limit=1')
    call('a flavor is not for members to make', 'POST', 'flavors', {'flavor': {'name': NAME, 'ram': 1, 'vcpus': 1, 'disk': 1}})
    call('limits', 'GET', 'limits')
    call('quota', 'GET', f'os-quota-sets/{lab.project}')
    call('quota in detail', 'GET', f'os-quota-sets/{lab.project}/detail')
    call('zones', 'GET', 'os-availability-zone')
    call('hypervisors are not for members', 'GET', 'os-hypervisors')
    call('a microversion of the future', 'GET', 'servers', version='2.999')
    call('a microversion that is none', 'GET', 'servers', version='x')
    call('the microversion, said the old way', 'GET', 'servers', version=None, X_OpenStack_Nova_API_Version='2.26')
    call('unrouted', 'GET', 'nothing-here')
    call('an unknown query', 'GET', 'servers?nothing=1')
    call('an unknown query, at 2.1', 'GET', 'servers?nothing=1', version=None)

    pair = {'keypair': {'name': NAME, 'type': 'ssh', 'public_key': KEY}}
    call('make a key pair', 'POST', 'os-keypairs', pair)
    call('the same key pair again', 'POST', 'os-keypairs', pair)
    call('a key that is none', 'POST', 'os-keypairs', {'keypair': {'name': NAME + 'x', 'public_key': 'none'}})
    call('a key pair without a name', 'POST', 'os-keypairs', {'keypair': {'public_key': KEY}})
    call('key pair', 'GET', f'os-keypairs/{NAME}')
    call('unknown key pair', 'GET', 'os-keypairs/nothing')
    call('key pairs', 'GET', 'os-keypairs')
    group = call('make a server group', 'POST', 'os-server-groups', {'server_group': {
        'name': NAME, 'policy': 'soft-anti-affinity'}})['server_group']['id']
    old = call('make a server group, at 2.1', 'POST', 'os-server-groups', {'server_group': {'name': NAME, 'policies': ['anti-affinity']}},
               version=None)['server_group']['id']
    call('a server group of an unknown policy', 'POST', 'os-server-groups', {'server_group': {'name': NAME, 'policy': 'whatever'}})
    call('server group', 'GET', f'os-server-groups/{group}')
    call('unknown server group', 'GET', f'os-server-groups/{NOBODY}')
    call('server groups', 'GET', 'os-server-groups')
    call('delete a server group', 'DELETE', f'os-server-groups/{old}')
    call('delete the server group again', 'DELETE', f'os-server-groups/{old}')

    wanted = {'name': NAME, 'imageRef': image, 'flavorRef': flavor, 'networks': [{'port': made['port']}], 'key_name': NAME,
              'user_data': encoded('#cloud-config\n'), 'metadata': {'judge': NAME}, 'tags': ['a', 'b']}

    def servers(said, hints=None, version='2.90', who=lab, **changed):
        body = {'server': {key: value for key, value in {**wanted, **changed}.items() if value is not None}}
        return call(said, 'POST', 'servers', {**body, **({'os:scheduler_hints': hints} if hints else {})}, version, who)
    servers('a server of an unknown image', imageRef=NOBODY)
    servers('a server of an unknown flavor', flavorRef=NOBODY)
    servers('a server with an unknown key pair', key_name='nothing')
    servers('a server on an unknown port', networks=[{'port': NOBODY}])
    servers('a server on an unknown network', networks=[{'uuid': NOBODY}])
    servers('a server on no network named', networks=None)
    servers('a server with an unknown member', nothing=1)
    servers('a server with too much user data', user_data='A' * 65536)
    servers('a server with user data that is no base64', user_data='A')
    servers('a server with an empty name', name='')
    servers('a server with a bad tag', tags=['a/b'])
    servers('a server with tags, at 2.1', version=None)
    servers('a server in an unknown group', hints={'group': NOBODY})
    servers('a server in an unknown zone', availability_zone='nothing')
    servers('a server of an unknown volume', imageRef=None, block_device_mapping_v2=[
        {'boot_index': 0, 'uuid': NOBODY, 'source_type': 'volume', 'destination_type': 'volume'}])
    servers('a server from nothing', imageRef=None)
    call('a server without a body', 'POST', 'servers', {})
    call('a server that is no JSON', 'POST', 'servers', 'no json', Content_Type='application/json')
    srv = servers('make a server', hints={'group': group})['server']['id']

    def be(status, server=srv):
        lab.until('compute', f'servers/{server}', 'server', 'status', status, bad=() if status == 'ERROR' else ('ERROR',))
    be('ACTIVE')
    servers('its port is taken')
    call('server', 'GET', f'servers/{srv}')
    call('server at 2.1', 'GET', f'servers/{srv}', version=None)
    call('server at 2.67', 'GET', f'servers/{srv}', version='2.67')
    call('server at 2.96', 'GET', f'servers/{srv}', version='2.96')
    call('unknown server', 'GET', f'servers/{NOBODY}')
    call("another's server", 'GET', f'servers/{srv}', who=other)
    call('server as admin', 'GET', f'servers/{srv}', who=admin)
    call('servers', 'GET', f'servers?name={NAME}')
    call('servers in detail', 'GET', f'servers/detail?name=^{NAME}$')
    call('servers by a bad expression', 'GET', 'servers?name=%5B')
    call('servers by tags', 'GET', f'servers/detail?tags=a,b&name={NAME}')
    call('servers after an unknown marker', 'GET', f'servers?marker={NOBODY}')
    call('servers, a page of -1', 'GET', 'servers?limit=-1')
    call('servers of all projects are not for members', 'GET', 'servers/detail?all_tenants=1')
    call('tags', 'GET', f'servers/{srv}/tags')
    call('set tags', 'PUT', f'servers/{srv}/tags', {'tags': ['a', 'c']})
    call('add a tag', 'PUT', f'servers/{srv}/tags/d')
    call('add it again', 'PUT', f'servers/{srv}/tags/d')
    call('a tag that is not there', 'GET', f'servers/{srv}/tags/x')
    call('drop a tag', 'DELETE', f'servers/{srv}/tags/d')
    call('metadata', 'GET', f'servers/{srv}/metadata')
    call('more metadata', 'POST', f'servers/{srv}/metadata', {'metadata': {'more': 'x'}})
    call('drop metadata', 'DELETE', f'servers/{srv}/metadata/more')
    call('drop it again', 'DELETE', f'servers/{srv}/metadata/more')
    call('rename', 'PUT', f'servers/{srv}', {'server': {'name': NAME}})
    call('interfaces', 'GET', f'servers/{srv}/os-interface')
    call('addresses', 'GET', f'servers/{srv}/ips')
    call('actions', 'GET', f'servers/{srv}/os-instance-actions')
    call('console', 'POST', f'servers/{srv}/action', {'os-getConsoleOutput': {'length': 10}})
    call('an unknown action', 'POST', f'servers/{srv}/action', {'nothing': {}})
    call('start what runs', 'POST', f'servers/{srv}/action', {'os-start': None})
    call('stop', 'POST', f'servers/{srv}/action', {'os-stop': None})
    be('SHUTOFF')
    call('stop it again', 'POST', f'servers/{srv}/action', {'os-stop': None})
    call('a stopped server', 'GET', f'servers/{srv}')
    call('start', 'POST', f'servers/{srv}/action', {'os-start': None})
    be('ACTIVE')
    call('reboot', 'POST', f'servers/{srv}/action', {'reboot': {'type': 'HARD'}})
    be('ACTIVE')
    call('reboot in an unknown way', 'POST', f'servers/{srv}/action', {'reboot': {'type': 'GENTLE'}})

    vol = lab.quiet('POST', 'block-storage', 'volumes', {'volume': {'name': NAME, 'size': 1}})['volume']['id']
    lab.until('block-storage', f'volumes/{vol}', 'volume', 'status', 'available')
    attached = f'servers/{srv}/os-volume_attachments'
    call('attach a volume', 'POST', attached, {'volumeAttachment': {'volumeId': vol}})
    lab.until('block-storage', f'volumes/{vol}', 'volume', 'status', 'in-use')
    call('attach it again', 'POST', attached, {'volumeAttachment': {'volumeId': vol}})
    call('attach an unknown one', 'POST', attached, {'volumeAttachment': {'volumeId': NOBODY}})
    call('attached volumes', 'GET', attached)
    call('an attached volume', 'GET', f'{attached}/{vol}')
    lab.call('volume: an attached volume', 'GET', 'block-storage', f'volumes/{vol}')
    lab.call('volume: an attached volume is kept', 'DELETE', 'block-storage', f'volumes/{vol}')
    lab.call('volume: attachments of one', 'GET', 'block-storage', f'attachments?volume_id={vol}', version='3.27')
    call('detach', 'DELETE', f'{attached}/{vol}')
    lab.until('block-storage', f'volumes/{vol}', 'volume', 'status', 'available')
    call('detach it again', 'DELETE', f'{attached}/{vol}')
    lab.quiet('DELETE', 'block-storage', f'volumes/{vol}')
    lab.call('network: a bound port', 'GET', 'network', f'ports/{made["port"]}')

    call('delete a server', 'DELETE', f'servers/{srv}')
    lab.until('compute', f'servers/{srv}', 'server', 'status', 404)
    call('delete the server again', 'DELETE', f'servers/{srv}')
    lab.call('network: the port of a deleted server', 'GET', 'network', f'ports/{made["port"]}')
    lost = servers('a server no host has room for', flavorRef=toobig, networks=[{'uuid': made['network']}])['server']['id']
    be('ERROR', lost)
    call('a server with a fault', 'GET', f'servers/{lost}')
    lab.quiet('DELETE', 'compute', f'servers/{lost}')
    lab.until('compute', f'servers/{lost}', 'server', 'status', 404, bad=())
    bare = servers('a server on no network', networks='none', version='2.90')['server']['id']
    be('ACTIVE', bare)
    lab.quiet('DELETE', 'compute', f'servers/{bare}')
    lab.until('compute', f'servers/{bare}', 'server', 'status', 404)
    call('delete the server group', 'DELETE', f'os-server-groups/{group}')
    call('delete the key pair', 'DELETE', f'os-keypairs/{NAME}')
    call('delete the key pair again', 'DELETE', f'os-keypairs/{NAME}')

    def quota(name, **sets):
        call(name, 'PUT', f'os-quota-sets/{other.project}', {'quota_set': sets}, who=admin)
    call('a quota is not for members to set', 'PUT', f'os-quota-sets/{other.project}', {'quota_set': {'instances': 0}})
    quota('set a quota', instances=0, key_pairs=0, server_groups=0)
    servers('over quota', who=other, networks='none', key_name=None)
    call('over quota of key pairs', 'POST', 'os-keypairs', pair, who=other)
    call('over quota of server groups', 'POST', 'os-server-groups', {'server_group': {'name': NAME, 'policy': 'affinity'}}, who=other)
    quota('set the quota of cores', instances=1000, cores=0, key_pairs=1000, server_groups=1000)
    servers('over quota of cores', who=other, networks='none', key_name=None)
    quota('reset the quota', cores=-1)

    placement = 'placement'
    admin.call('placement: root', 'GET', placement, f'{lab.roots[placement]}/')
    lab.call('placement: providers are not for members', 'GET', placement, 'resource_providers')
    admin.call('placement: providers', 'GET', placement, 'resource_providers', version='1.20')
    admin.call('placement: unknown provider', 'GET', placement, f'resource_providers/{NOBODY}', version='1.20')
    admin.call('placement: classes', 'GET', placement, 'resource_classes', version='1.20')
    admin.call('placement: a microversion of the future', 'GET', placement, 'resource_providers', version='1.999')
    one = admin.quiet('GET', placement, 'resource_providers', version='1.20')['resource_providers'][0]['uuid']
    for part in ('inventories', 'usages', 'aggregates', 'traits'):
        admin.call(f'placement: {part}', 'GET', placement, f'resource_providers/{one}/{part}', version='1.20')
    admin.call('placement: candidates', 'GET', placement, 'allocation_candidates?resources=VCPU:1,MEMORY_MB:64', version='1.20')
