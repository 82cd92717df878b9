"""The platform of the bench, as people write it with openstacksdk: one thing after the other, and then what is slow is waited for.

script.py up|down WORKERS PUBLIC_KEY   (with OS_CLIENT_CONFIG_FILE)
"""
import sys

import openstack

NAME = 'bench'


def rule(net, group, **more):
    net.create_security_group_rule(security_group_id=group.id, direction='ingress', ethertype='IPv4', **more)


def up(cloud, workers, public_key):
    net, nova = cloud.network, cloud.compute
    public = next(net.networks(is_router_external=True))
    image = cloud.image.find_image('debian-12', ignore_missing=False)
    flavor = nova.find_flavor('m1.medium', ignore_missing=False)
    network = net.create_network(name=NAME)
    subnet = net.create_subnet(name=NAME, network_id=network.id, ip_version=4, cidr='10.20.0.0/16')
    router = net.create_router(name=NAME, external_gateway_info={'network_id': public.id})
    net.add_interface_to_router(router, subnet_id=subnet.id)
    nodes = net.create_security_group(name=f'{NAME}-nodes')
    plane = net.create_security_group(name=f'{NAME}-control-plane')
    anywhere = {'protocol': 'tcp', 'remote_ip_prefix': '0.0.0.0/0'}
    rule(net, nodes, remote_group_id=nodes.id)
    rule(net, nodes, port_range_min=22, port_range_max=22, **anywhere)
    rule(net, plane, port_range_min=6443, port_range_max=6443, **anywhere)
    nova.create_keypair(name=NAME, public_key=public_key)
    apart = nova.create_server_group(name=NAME, policy='soft-anti-affinity') if workers > 1 else None
    servers = []
    for name in ['control-plane-1'] + [f'workers-{n + 1}' for n in range(workers)]:
        first = name == 'control-plane-1'
        port = net.create_port(name=f'{NAME}-{name}', network_id=network.id, fixed_ips=[{'subnet_id': subnet.id}],
                               security_group_ids=[nodes.id, plane.id] if first else [nodes.id])
        if first:
            net.create_ip(floating_network_id=public.id, port_id=port.id)
        more = {} if first or apart is None else {'scheduler_hints': {'group': apart.id}}
        servers.append(nova.create_server(name=f'{NAME}-{name}', image_id=image.id, flavor_id=flavor.id, key_name=NAME,
                                          config_drive=True, networks=[{'port': port.id}], **more))
    for server in servers:
        nova.wait_for_server(server)


def down(cloud):
    net, nova = cloud.network, cloud.compute
    servers = [s for s in nova.servers() if s.name.startswith(NAME)]
    for server in servers:
        nova.delete_server(server)
    for server in servers:
        nova.wait_for_delete(server)
    for ip in net.ips():
        net.delete_ip(ip)
    for port in net.ports():
        if port.name.startswith(NAME):
            net.delete_port(port)
    subnet = net.find_subnet(NAME, ignore_missing=False)
    router = net.find_router(NAME, ignore_missing=False)
    net.remove_interface_from_router(router, subnet_id=subnet.id)
    net.delete_router(router)
    net.delete_subnet(subnet)
    net.delete_network(net.find_network(NAME, ignore_missing=False))
    for group in net.security_groups():
        if group.name.startswith(NAME):
            net.delete_security_group(group)
    nova.delete_keypair(NAME)
    for group in nova.server_groups():
        nova.delete_server_group(group)


cloud = openstack.connect(cloud='fake')
if sys.argv[1] == 'up':
    up(cloud, int(sys.argv[2]), sys.argv[3])
else:
    down(cloud)
