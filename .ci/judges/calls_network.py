"""Neutron."""
from cloud import NAME, NOBODY


def story(lab, other, admin):
    def call(name, method, path, body=None, who=lab, **headers):
        return who.call(f'network: {name}', method, 'network', path, body, **headers)

    public = lab.quiet('GET', 'network', 'networks?router:external=True')['networks'][0]['id']
    call('external networks', 'GET', 'networks?router:external=True')
    call('extensions', 'GET', 'extensions')
    call('one extension', 'GET', 'extensions/router')
    call('unknown extension', 'GET', 'extensions/nothing')
    call('unrouted', 'GET', 'nothing-here')
    call('quota', 'GET', f'quotas/{lab.project}')
    call('quota with what is used', 'GET', f'quotas/{lab.project}/details.json')
    call('agents are not for members', 'GET', 'agents')

    net = call('make a network', 'POST', 'networks', {'network': {'name': NAME, 'description': NAME}})['network']['id']
    call('a network with tags', 'POST', 'networks', {'network': {'name': NAME, 'tags': ['a']}})
    call('a network with an unknown member', 'POST', 'networks', {'network': {'name': NAME, 'nothing': 1}})
    call('a network whose flag is none', 'POST', 'networks', {'network': {'name': NAME, 'admin_state_up': 'perhaps'}})
    call('a network without a body', 'POST', 'networks', {})
    call('a network that is no JSON', 'POST', 'networks', 'no json', Content_Type='application/json')
    call('a provider network is not for members', 'POST', 'networks', {'network': {'name': NAME, 'provider:network_type': 'vxlan'}})
    call('network', 'GET', f'networks/{net}')
    call('unknown network', 'GET', f'networks/{NOBODY}')
    call("another's network", 'GET', f'networks/{net}', who=other)
    call('networks by name', 'GET', f'networks?name={NAME}')
    call('networks by name, none', 'GET', 'networks?name=nobody')
    call('networks by an unknown filter', 'GET', 'networks?nothing=1')
    call('networks, some fields', 'GET', f'networks?name={NAME}&fields=id&fields=name')
    second = lab.quiet('POST', 'network', 'networks', {'network': {'name': NAME}})['network']['id']
    call('networks, one page', 'GET', f'networks?name={NAME}&limit=1')
    call('networks, the last page', 'GET', f'networks?name={NAME}&limit=2&marker={min(net, second)}&sort_key=id&sort_dir=asc')
    call('networks after an unknown marker', 'GET', f'networks?limit=1&marker={NOBODY}')
    call('set tags', 'PUT', f'networks/{net}/tags', {'tags': ['a', 'b']})
    call('add a tag', 'PUT', f'networks/{net}/tags/c')
    call('a tag that is there', 'GET', f'networks/{net}/tags/c')
    call('a tag that is not', 'GET', f'networks/{net}/tags/d')
    call('networks by tags', 'GET', 'networks?tags=a,b')
    call('drop a tag', 'DELETE', f'networks/{net}/tags/c')
    call('rename', 'PUT', f'networks/{net}', {'network': {'name': NAME}})
    call('rename an old revision', 'PUT', f'networks/{net}', {'network': {'name': NAME}}, If_Match='revision_number=0')
    call('delete a network', 'DELETE', f'networks/{second}')
    call('delete it again', 'DELETE', f'networks/{second}')

    subnet = {'name': NAME, 'network_id': net, 'ip_version': 4, 'cidr': '10.95.0.0/24', 'dns_nameservers': ['203.0.113.53']}
    sub = call('make a subnet', 'POST', 'subnets', {'subnet': subnet})['subnet']['id']
    call('the same subnet again', 'POST', 'subnets', {'subnet': subnet})
    call('a subnet of nothing', 'POST', 'subnets', {'subnet': {**subnet, 'cidr': 'nothing'}})
    call('a subnet of an unknown network', 'POST', 'subnets', {'subnet': {**subnet, 'network_id': NOBODY}})
    call('a gateway outside', 'POST', 'subnets', {'subnet': {**subnet, 'cidr': '10.94.0.0/24', 'gateway_ip': '10.94.0.255'}})
    call('subnet', 'GET', f'subnets/{sub}')
    call('unknown subnet', 'GET', f'subnets/{NOBODY}')
    call('subnets of the network', 'GET', f'subnets?network_id={net}')
    call('other name servers', 'PUT', f'subnets/{sub}', {'subnet': {'dns_nameservers': []}})

    rtr = call('make a router', 'POST', 'routers', {'router': {'name': NAME, 'external_gateway_info': {'network_id': public}}})['router']['id']
    call('a router to an inner network', 'POST', 'routers', {'router': {'name': NAME, 'external_gateway_info': {'network_id': net}}})
    call('add an interface', 'PUT', f'routers/{rtr}/add_router_interface', {'subnet_id': sub})
    call('add it again', 'PUT', f'routers/{rtr}/add_router_interface', {'subnet_id': sub})
    call('add an unknown one', 'PUT', f'routers/{rtr}/add_router_interface', {'subnet_id': NOBODY})
    call('add nothing', 'PUT', f'routers/{rtr}/add_router_interface', {})
    call('router', 'GET', f'routers/{rtr}')
    call('unknown router', 'GET', f'routers/{NOBODY}')
    call('routers by name', 'GET', f'routers?name={NAME}')
    call('a router with interfaces is kept', 'DELETE', f'routers/{rtr}')
    inside = lab.quiet('GET', 'network', f'ports?device_id={rtr}&device_owner=network:router_interface')['ports'][0]['id']
    call("a router's port is kept", 'DELETE', f'ports/{inside}')
    call('a subnet with a router is kept', 'DELETE', f'subnets/{sub}')
    call('a network in use is kept', 'DELETE', f'networks/{net}')

    grp = call('make a security group', 'POST', 'security-groups', {'security_group': {'name': NAME, 'description': NAME}})['security_group']['id']
    rule = {'security_group_id': grp, 'direction': 'ingress', 'ethertype': 'IPv4', 'protocol': 'tcp', 'port_range_min': 22,
            'port_range_max': 22, 'remote_ip_prefix': '0.0.0.0/0'}

    def rules(said, **changed):
        return call(said, 'POST', 'security-group-rules', {'security_group_rule': {**rule, **changed}})
    first = rules('make a rule')['security_group_rule']['id']
    rules('the same rule again')
    rules('a rule from the group', remote_ip_prefix=None, remote_group_id=grp, port_range_min=None, port_range_max=None)
    rules('a rule with two sources', remote_group_id=grp)
    rules('a rule with ports the wrong way round', port_range_min=23)
    rules('a rule with ports but no protocol', protocol=None)
    rules('a rule of an unknown group', security_group_id=NOBODY)
    rules('a rule of an unknown direction', direction='sideways')
    call('rule', 'GET', f'security-group-rules/{first}')
    call('rules of the group', 'GET', f'security-group-rules?security_group_id={grp}')
    call('delete a rule', 'DELETE', f'security-group-rules/{first}')
    call('delete the rule again', 'DELETE', f'security-group-rules/{first}')
    call('security group', 'GET', f'security-groups/{grp}')
    call('unknown security group', 'GET', f'security-groups/{NOBODY}')
    call('security groups by name', 'GET', f'security-groups?name={NAME}')

    port = {'name': NAME, 'network_id': net, 'fixed_ips': [{'subnet_id': sub, 'ip_address': '10.95.0.10'}], 'security_groups': [grp],
            'allowed_address_pairs': [{'ip_address': '10.95.0.200'}], 'description': NAME}
    prt = call('make a port', 'POST', 'ports', {'port': {**port, 'tags': ['a']}})['port']
    call('its address is taken', 'POST', 'ports', {'port': port})
    call('its MAC is taken', 'POST', 'ports', {'port': {'network_id': net, 'mac_address': prt['mac_address']}})
    call('an address outside', 'POST', 'ports', {'port': {**port, 'fixed_ips': [{'subnet_id': sub, 'ip_address': '10.1.0.1'}]}})
    call('an address that is none', 'POST', 'ports', {'port': {**port, 'fixed_ips': [{'ip_address': 'nothing'}]}})
    call('a port of an unknown network', 'POST', 'ports', {'port': {'network_id': NOBODY}})
    call('a port with an unknown group', 'POST', 'ports', {'port': {'network_id': net, 'security_groups': [NOBODY]}})
    call('port', 'GET', f'ports/{prt["id"]}')
    call('unknown port', 'GET', f'ports/{NOBODY}')
    call('ports by address', 'GET', f'ports?network_id={net}&fixed_ips=ip_address%3D10.95.0.10')
    call('rename the port', 'PUT', f'ports/{prt["id"]}', {'port': {'name': NAME}})
    call('a security group in use is kept', 'DELETE', f'security-groups/{grp}')

    fip = {'floating_network_id': public, 'port_id': prt['id'], 'description': NAME}
    flo = call('make a floating IP', 'POST', 'floatingips', {'floatingip': fip})['floatingip']['id']
    call('a second one for the port', 'POST', 'floatingips', {'floatingip': fip})
    call('one from an inner network', 'POST', 'floatingips', {'floatingip': {'floating_network_id': net}})
    call('one from an unknown network', 'POST', 'floatingips', {'floatingip': {'floating_network_id': NOBODY}})
    call('one for an unknown port', 'POST', 'floatingips', {'floatingip': {'floating_network_id': public, 'port_id': NOBODY}})
    call('one with a chosen address', 'POST', 'floatingips', {'floatingip': {'floating_network_id': public, 'floating_ip_address': '203.0.113.99'}})
    apart = lab.quiet('POST', 'network', 'networks', {'network': {'name': NAME}})['network']['id']
    lab.quiet('POST', 'network', 'subnets', {'subnet': {**subnet, 'network_id': apart}})
    lonely = lab.quiet('POST', 'network', 'ports', {'port': {'network_id': apart}})['port']['id']
    call('one without a way', 'POST', 'floatingips', {'floatingip': {**fip, 'port_id': lonely}})
    lab.quiet('DELETE', 'network', f'ports/{lonely}')
    lab.quiet('DELETE', 'network', f'networks/{apart}')
    call('floating IP', 'GET', f'floatingips/{flo}')
    call('unknown floating IP', 'GET', f'floatingips/{NOBODY}')
    call('floating IPs of the port', 'GET', f'floatingips?port_id={prt["id"]}')
    call('an interface with floating IPs is kept', 'PUT', f'routers/{rtr}/remove_router_interface', {'subnet_id': sub})
    call('take it from the port', 'PUT', f'floatingips/{flo}', {'floatingip': {'port_id': None}})
    call('delete the floating IP', 'DELETE', f'floatingips/{flo}')
    call('delete the floating IP again', 'DELETE', f'floatingips/{flo}')

    call('a quota is not for members to set', 'PUT', f'quotas/{other.project}', {'quota': {'network': 0}})
    call('set a quota', 'PUT', f'quotas/{other.project}', {'quota': {'router': 0, 'floatingip': 0}}, who=admin)
    call('over quota', 'POST', 'routers', {'router': {'name': NAME}}, who=other)
    call('over quota of floating IPs', 'POST', 'floatingips', {'floatingip': {'floating_network_id': public}}, who=other)
    call('reset the quota', 'DELETE', f'quotas/{other.project}', who=admin)
    return {'network': net, 'subnet': sub, 'router': rtr, 'group': grp, 'port': prt['id']}


def bury(lab, made):
    def call(name, method, path, body=None):
        return lab.call(f'network: {name}', method, 'network', path, body)
    call('delete the port', 'DELETE', f'ports/{made["port"]}')
    call('delete the port again', 'DELETE', f'ports/{made["port"]}')
    call('take the interface away', 'PUT', f'routers/{made["router"]}/remove_router_interface', {'subnet_id': made['subnet']})
    call('take it away again', 'PUT', f'routers/{made["router"]}/remove_router_interface', {'subnet_id': made['subnet']})
    call('delete the router', 'DELETE', f'routers/{made["router"]}')
    call('delete the subnet', 'DELETE', f'subnets/{made["subnet"]}')
    call('delete the network', 'DELETE', f'networks/{made["network"]}')
    call('delete the security group', 'DELETE', f'security-groups/{made["group"]}')
