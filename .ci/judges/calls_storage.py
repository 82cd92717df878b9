"""Glance, Cinder and Octavia."""
import time
import uuid

from cloud import NAME, NOBODY


def images(lab, other):
    def call(name, method, path, body=None, who=lab, **headers):
        return who.call(f'image: {name}', method, 'image', path, body, **headers)

    patch = 'application/openstack-images-v2.1-json-patch'
    call('images', 'GET', 'images?status=active&limit=1')
    call('images by name, none', 'GET', f'images?name={NAME}')
    call('images after an unknown marker', 'GET', f'images?marker={NOBODY}')
    call('images sorted by nothing', 'GET', 'images?sort=nothing:desc')
    call('ways to import', 'GET', 'info/import')
    call('unrouted', 'GET', 'nothing-here')
    own = str(uuid.uuid4())
    wanted = {'id': own, 'name': NAME, 'disk_format': 'raw', 'container_format': 'bare', 'visibility': 'private', 'tags': ['a'],
              'min_disk': 1, 'hw_disk_bus': 'scsi'}
    call('make an image', 'POST', 'images', wanted)
    call('the same id again', 'POST', 'images', wanted)
    call('an unknown disk format', 'POST', 'images', {**wanted, 'id': str(uuid.uuid4()), 'disk_format': 'stone'})
    call('an image that is no JSON', 'POST', 'images', 'no json', Content_Type='application/json')
    call('a public image is not for members', 'POST', 'images', {**wanted, 'id': str(uuid.uuid4()), 'visibility': 'public'})
    call('data of a queued image', 'GET', f'images/{own}/file')
    call('upload', 'PUT', f'images/{own}/file', b'\0' * 4096, Content_Type='application/octet-stream')
    call('upload again', 'PUT', f'images/{own}/file', b'\0' * 4096, Content_Type='application/octet-stream')
    call('upload as JSON', 'PUT', f'images/{own}/file', b'{}', Content_Type='application/json')
    call('image', 'GET', f'images/{own}')
    call('unknown image', 'GET', f'images/{NOBODY}')
    call('unknown image, without Accept', 'GET', f'images/{NOBODY}', Accept='*/*')
    call("another's image", 'GET', f'images/{own}', who=other)
    call('images by tag', 'GET', f'images?tag=a&name={NAME}')
    call('images by property', 'GET', f'images?hw_disk_bus=scsi&name={NAME}')
    call('protect', 'PATCH', f'images/{own}', '[{"op":"replace","path":"/protected","value":true}]', Content_Type=patch)
    call('a protected image is kept', 'DELETE', f'images/{own}')
    call('unprotect', 'PATCH', f'images/{own}', '[{"op":"replace","path":"/protected","value":false}]', Content_Type=patch)
    call('a property more', 'PATCH', f'images/{own}', '[{"op":"add","path":"/paas","value":"x"}]', Content_Type=patch)
    call('replace what is not there', 'PATCH', f'images/{own}', '[{"op":"replace","path":"/nothing","value":"x"}]', Content_Type=patch)
    call('replace what is read only', 'PATCH', f'images/{own}', '[{"op":"replace","path":"/status","value":"x"}]', Content_Type=patch)
    call('patch as another type', 'PATCH', f'images/{own}', '[]', Content_Type='application/json')
    call('add a tag', 'PUT', f'images/{own}/tags/b')
    call('drop a tag', 'DELETE', f'images/{own}/tags/b')
    call('drop it again', 'DELETE', f'images/{own}/tags/b')
    call('delete the image', 'DELETE', f'images/{own}')
    call('delete the image again', 'DELETE', f'images/{own}')


def volumes(lab, other, admin):
    def call(name, method, path, body=None, who=lab, version=None, **headers):
        return who.call(f'volume: {name}', method, 'block-storage', path, body, version, **headers)

    call('types', 'GET', 'types')
    call('zones', 'GET', 'os-availability-zone')
    call('limits', 'GET', 'limits')
    call('quota with usage', 'GET', f'os-quota-sets/{lab.project}?usage=True')
    call('a microversion of the future', 'GET', 'volumes', version='3.999')
    call('a microversion that is none', 'GET', 'volumes', version='x')
    call('unrouted', 'GET', 'nothing-here')
    wanted = {'name': NAME, 'size': 1, 'metadata': {'judge': NAME}}
    vol = call('make a volume', 'POST', 'volumes', {'volume': wanted})['volume']['id']
    call('a volume of no size', 'POST', 'volumes', {'volume': {'name': NAME}})
    call('a volume of size zero', 'POST', 'volumes', {'volume': {**wanted, 'size': 0}})
    call('a volume with an unknown member', 'POST', 'volumes', {'volume': {**wanted, 'nothing': 1}})
    call('a volume of an unknown type', 'POST', 'volumes', {'volume': {**wanted, 'volume_type': 'nothing'}})
    call('a volume of an unknown image', 'POST', 'volumes', {'volume': {**wanted, 'imageRef': NOBODY}})
    call('a volume of an unknown snapshot', 'POST', 'volumes', {'volume': {**wanted, 'snapshot_id': NOBODY}})
    call('a volume in an unknown zone', 'POST', 'volumes', {'volume': {**wanted, 'availability_zone': 'nothing'}})
    call('a volume without a body', 'POST', 'volumes', {})
    lab.until('block-storage', f'volumes/{vol}', 'volume', 'status', 'available')
    call('volume', 'GET', f'volumes/{vol}')
    call('volume at 3.59', 'GET', f'volumes/{vol}', version='3.59')
    call('unknown volume', 'GET', f'volumes/{NOBODY}')
    call("another's volume", 'GET', f'volumes/{vol}', who=other)
    call('volumes', 'GET', f'volumes?name={NAME}')
    call('volumes in detail', 'GET', f'volumes/detail?name={NAME}')
    call('volumes by metadata', 'GET', f'volumes/detail?metadata=%7B%27judge%27%3A+%27{NAME}%27%7D')
    call('volumes by metadata, none', 'GET', 'volumes/detail?metadata=%7B%27judge%27%3A+%27nobody%27%7D')
    second = lab.quiet('POST', 'block-storage', 'volumes', {'volume': wanted})['volume']['id']
    call('volumes, one page', 'GET', f'volumes/detail?name={NAME}&limit=1')
    call('volumes after an unknown marker', 'GET', f'volumes/detail?marker={NOBODY}')
    lab.until('block-storage', f'volumes/{second}', 'volume', 'status', 'available')
    call('rename', 'PUT', f'volumes/{vol}', {'volume': {'name': NAME}})
    call('more metadata', 'POST', f'volumes/{vol}/metadata', {'metadata': {'more': 'x'}})
    call('metadata', 'GET', f'volumes/{vol}/metadata')
    call('extend', 'POST', f'volumes/{vol}/action', {'os-extend': {'new_size': 2}})
    lab.until('block-storage', f'volumes/{vol}', 'volume', 'status', 'available')
    call('extend to less', 'POST', f'volumes/{vol}/action', {'os-extend': {'new_size': 1}})
    call('an unknown action', 'POST', f'volumes/{vol}/action', {'os-nothing': {}})
    call('detach what is not attached', 'POST', f'volumes/{vol}/action', {'os-detach': {}})
    call('a status is not for members to set', 'POST', f'volumes/{vol}/action', {'os-reset_status': {'status': 'error'}})
    snap = call('make a snapshot', 'POST', 'snapshots', {'snapshot': {'name': NAME, 'volume_id': vol}})['snapshot']['id']
    call('a snapshot of nothing', 'POST', 'snapshots', {'snapshot': {'name': NAME, 'volume_id': NOBODY}})
    lab.until('block-storage', f'snapshots/{snap}', 'snapshot', 'status', 'available')
    call('snapshot', 'GET', f'snapshots/{snap}')
    call('unknown snapshot', 'GET', f'snapshots/{NOBODY}')
    call('snapshots', 'GET', f'snapshots/detail?name={NAME}')
    call('a volume with snapshots is kept', 'DELETE', f'volumes/{vol}')
    call('delete the snapshot', 'DELETE', f'snapshots/{snap}')
    lab.until('block-storage', f'snapshots/{snap}', 'snapshot', 'status', 404)
    call('attachments', 'GET', 'attachments', version='3.27')
    call('attachments before there were any', 'GET', 'attachments', version='3.26')
    call('delete the volume', 'DELETE', f'volumes/{second}')
    lab.until('block-storage', f'volumes/{second}', 'volume', 'status', 404)
    call('delete the volume again', 'DELETE', f'volumes/{second}')
    call('delete the other', 'DELETE', f'volumes/{vol}')
    lab.until('block-storage', f'volumes/{vol}', 'volume', 'status', 404)
    call('a quota is not for members to set', 'PUT', f'os-quota-sets/{other.project}', {'quota_set': {'volumes': 0}})
    call('set a quota', 'PUT', f'os-quota-sets/{other.project}', {'quota_set': {'volumes': 0}}, who=admin)
    call('over quota', 'POST', 'volumes', {'volume': wanted}, who=other)
    call('set the quota of gigabytes', 'PUT', f'os-quota-sets/{other.project}', {'quota_set': {'volumes': 1000, 'gigabytes': 0}}, who=admin)
    call('over quota of gigabytes', 'POST', 'volumes', {'volume': wanted}, who=other)
    call('reset the quota', 'PUT', f'os-quota-sets/{other.project}', {'quota_set': {'volumes': 1000, 'gigabytes': 100000}}, who=admin)


def balancers(lab, other, admin, made):
    def call(name, method, path, body=None, who=lab, **headers):
        return who.call(f'balancer: {name}', method, 'load-balancer', path, body, **headers)

    call('providers', 'GET', 'providers')
    call('unrouted', 'GET', 'nothing-here')
    call('quota', 'GET', f'quotas/{lab.project}')
    wanted = {'name': NAME, 'description': NAME, 'vip_subnet_id': made['subnet'], 'tags': ['a']}
    lb = call('make a load balancer', 'POST', 'loadbalancers', {'loadbalancer': wanted})['loadbalancer']['id']
    call('it is immutable', 'PUT', f'loadbalancers/{lb}', {'loadbalancer': {'name': NAME}})
    call('its children are immutable', 'POST', 'listeners', {'listener': {'loadbalancer_id': lb, 'protocol': 'TCP', 'protocol_port': 80}})
    call('one without a VIP', 'POST', 'loadbalancers', {'loadbalancer': {'name': NAME}})
    call('one on an unknown subnet', 'POST', 'loadbalancers', {'loadbalancer': {**wanted, 'vip_subnet_id': NOBODY}})
    call('one of an unknown provider', 'POST', 'loadbalancers', {'loadbalancer': {**wanted, 'provider': 'nothing'}})
    call('one with an unknown member', 'POST', 'loadbalancers', {'loadbalancer': {**wanted, 'nothing': 1}})
    call('one without a body', 'POST', 'loadbalancers', {})

    def ready():
        lab.until('load-balancer', f'loadbalancers/{lb}', 'loadbalancer', 'provisioning_status', 'ACTIVE')
    ready()
    call('load balancer', 'GET', f'loadbalancers/{lb}')
    call('unknown load balancer', 'GET', f'loadbalancers/{NOBODY}')
    call("another's load balancer", 'GET', f'loadbalancers/{lb}', who=other)
    call('load balancers by tag', 'GET', f'loadbalancers?tags=a&name={NAME}')
    call('load balancers by name, none', 'GET', 'loadbalancers?name=nobody')
    call('its port is kept', 'GET', f'loadbalancers?vip_port_id={NOBODY}')
    listener = {'name': NAME, 'loadbalancer_id': lb, 'protocol': 'TCP', 'protocol_port': 6443}
    lis = call('make a listener', 'POST', 'listeners', {'listener': listener})['listener']['id']
    ready()
    call('the same port again', 'POST', 'listeners', {'listener': listener})
    call('a listener of an unknown protocol', 'POST', 'listeners', {'listener': {**listener, 'protocol': 'SMOKE'}})
    call('a listener of an unknown load balancer', 'POST', 'listeners', {'listener': {**listener, 'loadbalancer_id': NOBODY}})
    call('a listener of port zero', 'POST', 'listeners', {'listener': {**listener, 'protocol_port': 0}})
    call('listener', 'GET', f'listeners/{lis}')
    call('listeners', 'GET', f'listeners?load_balancer_id={lb}&name={NAME}')
    pool = call('make a pool', 'POST', 'pools', {'pool': {
        'name': NAME, 'listener_id': lis, 'protocol': 'TCP', 'lb_algorithm': 'ROUND_ROBIN'}})['pool']['id']
    ready()
    call('a second pool for the listener', 'POST', 'pools', {'pool': {'listener_id': lis, 'protocol': 'TCP', 'lb_algorithm': 'ROUND_ROBIN'}})
    call('a pool of an unknown way', 'POST', 'pools', {'pool': {'loadbalancer_id': lb, 'protocol': 'TCP', 'lb_algorithm': 'GUESS'}})
    call('pool', 'GET', f'pools/{pool}')
    call('pools', 'GET', f'pools?name={NAME}')
    member = {'address': '10.95.0.20', 'protocol_port': 6443, 'subnet_id': made['subnet']}
    mem = call('make a member', 'POST', f'pools/{pool}/members', {'member': member})['member']['id']
    ready()
    call('the same member again', 'POST', f'pools/{pool}/members', {'member': member})
    call('a member without an address', 'POST', f'pools/{pool}/members', {'member': {'protocol_port': 1}})
    call('member', 'GET', f'pools/{pool}/members/{mem}')
    call('unknown member', 'GET', f'pools/{pool}/members/{NOBODY}')
    call('members', 'GET', f'pools/{pool}/members')
    call('other members', 'PUT', f'pools/{pool}/members', {'members': [member, {**member, 'address': '10.95.0.21'}]})
    ready()
    check = {'pool_id': pool, 'type': 'TCP', 'delay': 5, 'timeout': 3, 'max_retries': 3}
    hm = call('make a monitor', 'POST', 'healthmonitors', {'healthmonitor': check})['healthmonitor']['id']
    ready()
    call('a second monitor', 'POST', 'healthmonitors', {'healthmonitor': check})
    call('a monitor that waits longer than it sleeps', 'PUT', f'healthmonitors/{hm}', {'healthmonitor': {'timeout': 50}})
    ready()
    call('monitor', 'GET', f'healthmonitors/{hm}')
    call('the tree', 'GET', f'loadbalancers/{lb}/status')
    call('delete the monitor', 'DELETE', f'healthmonitors/{hm}')
    ready()
    call('rename', 'PUT', f'loadbalancers/{lb}', {'loadbalancer': {'name': NAME}})
    ready()
    call('one with children is kept', 'DELETE', f'loadbalancers/{lb}')
    call('delete the load balancer', 'DELETE', f'loadbalancers/{lb}?cascade=true')
    end = time.monotonic() + 180
    while lab.quiet('GET', 'load-balancer', f'loadbalancers/{lb}').status != 404 and time.monotonic() < end:
        time.sleep(0.2)
    call('delete the load balancer again', 'DELETE', f'loadbalancers/{lb}?cascade=true')
    call('set a quota', 'PUT', f'quotas/{other.project}', {'quota': {'load_balancer': 0}}, who=admin)
    shared = other.quiet('POST', 'network', 'networks', {'network': {'name': NAME}})['network']['id']
    sub = other.quiet('POST', 'network', 'subnets', {'subnet': {'network_id': shared, 'ip_version': 4, 'cidr': '10.93.0.0/24'}})['subnet']['id']
    call('over quota', 'POST', 'loadbalancers', {'loadbalancer': {'name': NAME, 'vip_subnet_id': sub}}, who=other)
    end = time.monotonic() + 60
    while other.quiet('DELETE', 'network', f'networks/{shared}').status == 409 and time.monotonic() < end:
        time.sleep(0.2)
    call('reset the quota', 'PUT', f'quotas/{other.project}', {'quota': {'load_balancer': -1}}, who=admin)
