"""Lists Cinder in the catalog under its old name too, as an operator does for older clients (gophercloud v1, so Terraform's provider
v1.54.1, look for no other). Usage: volumev3.py ADMIN_CLOUD   (with OS_CLIENT_CONFIG_FILE)"""
import sys

import openstack

cloud = openstack.connect(cloud=sys.argv[1])
if not any(service.type == 'volumev3' for service in cloud.identity.services()):
    service = cloud.identity.create_service(name='cinderv3', type='volumev3')
    for interface in ('public', 'internal', 'admin'):
        cloud.identity.create_endpoint(service_id=service.id, interface=interface, region_id=cloud.config.region_name,
                                       url=cloud.block_storage.get_endpoint())
