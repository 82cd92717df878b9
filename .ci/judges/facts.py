"""What Terraform's configuration needs to know of a cloud, as its variables. Usage: facts.py CLOUD   (with OS_CLIENT_CONFIG_FILE)"""
import json
import sys

import openstack

cloud = openstack.connect(cloud=sys.argv[1])
json.dump({
    'cloud': sys.argv[1],
    'external_network': next(cloud.network.networks(is_router_external=True)).id,
    'image': next(cloud.image.images(status='active')).name,
    'flavor': min(cloud.compute.flavors(), key=lambda f: f.ram).name,
}, sys.stdout)
