#!/usr/bin/env python3
"""openstacksdk walks through what a platform does with a cloud. Usage: sdk.py CLOUD   (with OS_CLIENT_CONFIG_FILE)"""
import sys
import time

import openstack
from openstack import exceptions

from walk import Walk, expect, until

NAME = f'judge-sdk-{int(time.time())}'
KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAlvWJPYlpAcRjTfJBbIGSeUgWtyPS4tZcG5rUM judge'


def gone(find, limit=120):
    def look():
        try:
            found = find()
        except exceptions.NotFoundException:
            found = None
        return 'gone' if found is None else 'there'
    until(look, 'gone', limit=limit)


def refused(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f'was accepted, not refused with {kind.__name__}')


def only(found):
    found = list(found)
    expect(len(found) == 1, f'{len(found)} found, not 1')
    return found[0]


def story(walk):
    step, later = walk.step, walk.later
    cloud = step('connect', lambda: openstack.connect(cloud=sys.argv[1]))
    net, compute, image, block, lbs = cloud.network, cloud.compute, cloud.image, cloud.block_storage, cloud.load_balancer
    step('token', cloud.authorize)
    step('extensions', lambda: expect(list(net.extensions()), 'no extensions'))
    step('availability zones', lambda: expect(list(compute.availability_zones()), 'no zones'))
    flavor = step('flavors', lambda: min(compute.flavors(), key=lambda f: f.ram))
    picture = step('images', lambda: next(image.images(status='active')))
    public = step('external network', lambda: next(net.networks(is_router_external=True)))
    step('limits', compute.get_limits)
    step('volume limits', block.get_limits)

    network = step('network', lambda: net.create_network(name=NAME, description=NAME))
    later('delete network', lambda: net.delete_network(network, ignore_missing=False))
    subnet = step('subnet', lambda: net.create_subnet(name=NAME, network_id=network.id, ip_version=4, cidr='10.99.0.0/24',
                                                      dns_nameservers=['203.0.113.53']))
    later('delete subnet', lambda: net.delete_subnet(subnet, ignore_missing=False))
    router = step('router', lambda: net.create_router(name=NAME, external_gateway_info={'network_id': public.id}))
    later('delete router', lambda: net.delete_router(router, ignore_missing=False))
    step('router interface', lambda: net.add_interface_to_router(router, subnet_id=subnet.id))
    later('remove router interface', lambda: net.remove_interface_from_router(router, subnet_id=subnet.id))
    step('a repeated interface is refused',
         lambda: refused(exceptions.BadRequestException, lambda: net.add_interface_to_router(router, subnet_id=subnet.id)))
    step('tags', lambda: net.set_tags(network, ['judge', NAME]))
    step('list networks by tag', lambda: only(net.networks(tags=NAME)))
    step('list networks by description', lambda: only(net.networks(description=NAME)))
    step('list subnets', lambda: only(net.subnets(network_id=network.id)))
    step('list routers', lambda: only(net.routers(name=NAME)))

    group = step('security group', lambda: net.create_security_group(name=NAME, description=NAME))
    later('delete security group', lambda: net.delete_security_group(group, ignore_missing=False))

    def rule(**more):
        return net.create_security_group_rule(security_group_id=group.id, direction='ingress', ethertype='IPv4', **more)
    ssh = {'protocol': 'tcp', 'port_range_min': 22, 'port_range_max': 22, 'remote_ip_prefix': '0.0.0.0/0'}
    step('rule', lambda: rule(**ssh))
    step('rule from the group', lambda: rule(remote_group_id=group.id))
    step('a repeated rule is refused', lambda: refused(exceptions.ConflictException, lambda: rule(**ssh)))
    step('list rules', lambda: expect(len(list(net.security_group_rules(security_group_id=group.id))) == 4, 'not 4 rules'))

    port = step('port', lambda: net.create_port(
        name=NAME, network_id=network.id, fixed_ips=[{'subnet_id': subnet.id, 'ip_address': '10.99.0.10'}],
        security_group_ids=[group.id], allowed_address_pairs=[{'ip_address': '10.99.0.200'}]))
    later('delete port', lambda: net.delete_port(port, ignore_missing=False))
    step('its address is taken', lambda: refused(exceptions.ConflictException, lambda: net.create_port(
        network_id=network.id, fixed_ips=[{'subnet_id': subnet.id, 'ip_address': '10.99.0.10'}])))
    step('list ports', lambda: only(net.ports(network_id=network.id, fixed_ips='ip_address=10.99.0.10')))

    pair = step('key pair', lambda: compute.create_keypair(name=NAME, public_key=KEY))
    later('delete key pair', lambda: compute.delete_keypair(pair, ignore_missing=False))
    servers = step('server group', lambda: compute.create_server_group(name=NAME, policy='soft-anti-affinity'))
    later('delete server group', lambda: compute.delete_server_group(servers, ignore_missing=False))
    server = step('server', lambda: compute.create_server(
        name=NAME, image_id=picture.id, flavor_id=flavor.id, networks=[{'port': port.id}], key_name=pair.name,
        metadata={'judge': NAME}, scheduler_hints={'group': servers.id}, user_data='I2Nsb3VkLWNvbmZpZwo='))

    def bury():
        compute.delete_server(server, ignore_missing=False)
        gone(lambda: compute.find_server(server.id))
    later('delete server', bury)
    step('server is ACTIVE', lambda: until(lambda: compute.get_server(server.id).status, 'ACTIVE'))
    step('list servers', lambda: only(compute.servers(name=f'^{NAME}$')))
    step('its address', lambda: expect(
        compute.get_server(server.id).addresses[NAME][0]['addr'] == '10.99.0.10', 'another address'))
    step('its port has it', lambda: until(lambda: net.get_port(port.id).device_id, server.id))
    step('a network in use is kept', lambda: refused(exceptions.ConflictException, lambda: net.delete_network(network)))

    volume = step('volume', lambda: block.create_volume(name=NAME, size=1, metadata={'judge': NAME}))

    def drop():
        block.delete_volume(volume, ignore_missing=False)
        gone(lambda: block.find_volume(volume.id))
    later('delete volume', drop)
    step('volume is available', lambda: until(lambda: block.get_volume(volume.id).status, 'available'))
    step('list volumes', lambda: only(block.volumes(name=NAME)))
    step('attach', lambda: compute.create_volume_attachment(server, volume_id=volume.id))
    step('volume is in use', lambda: until(lambda: block.get_volume(volume.id).status, 'in-use'))
    step('a volume in use is kept', lambda: refused(exceptions.BadRequestException, lambda: block.delete_volume(volume)))
    step('list attachments', lambda: only(compute.volume_attachments(server)))
    step('detach', lambda: compute.delete_volume_attachment(server, volume.id))
    step('volume is available again', lambda: until(lambda: block.get_volume(volume.id).status, 'available'))

    floating = step('floating IP', lambda: net.create_ip(floating_network_id=public.id, port_id=port.id, description=NAME))
    later('delete floating IP', lambda: net.delete_ip(floating, ignore_missing=False))
    step('list floating IPs', lambda: only(net.ips(port_id=port.id)))
    step('floating IP is ACTIVE', lambda: until(lambda: net.get_ip(floating.id).status, 'ACTIVE'))
    step('a second one for the port is refused', lambda: refused(
        exceptions.ConflictException, lambda: net.create_ip(floating_network_id=public.id, port_id=port.id)))

    balance = step('load balancer', lambda: lbs.create_load_balancer(name=NAME, vip_subnet_id=subnet.id))

    def ready():
        until(lambda: lbs.get_load_balancer(balance.id).provisioning_status, 'ACTIVE')

    def unbalance():
        ready()
        lbs.delete_load_balancer(balance, cascade=True)
        gone(lambda: next(lbs.load_balancers(name=NAME), None))
    later('delete load balancer', unbalance)
    step('load balancer is ACTIVE', ready)
    listener = step('listener', lambda: lbs.create_listener(
        name=NAME, load_balancer_id=balance.id, protocol='TCP', protocol_port=6443))
    step('ACTIVE with listener', ready)
    pool = step('pool', lambda: lbs.create_pool(
        name=NAME, listener_id=listener.id, protocol='TCP', lb_algorithm='ROUND_ROBIN'))
    step('ACTIVE with pool', ready)
    step('member', lambda: lbs.create_member(pool, address='10.99.0.10', protocol_port=6443, subnet_id=subnet.id))
    step('ACTIVE with member', ready)
    step('health monitor', lambda: lbs.create_health_monitor(pool_id=pool.id, type='TCP', delay=5, timeout=3, max_retries=3))
    step('ACTIVE with monitor', ready)
    step('list load balancers', lambda: only(lbs.load_balancers(name=NAME)))


Walk('openstacksdk').run(story)
