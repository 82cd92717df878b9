"""The script of calls that differential.py makes: what a platform asks of a cloud, and how it is refused.

Needs the clouds `lab`, `lab-other`, `lab-appcred` and `lab-admin`, an external network, an image and flavors.
"""
import yaml

import calls_compute
import calls_identity
import calls_network
import calls_storage
from cloud import Cloud


def story(recorder, clouds_yaml):
    with open(clouds_yaml, encoding='utf-8') as text:
        entries = yaml.safe_load(text)['clouds']
    lab, other, credential, admin = (Cloud(recorder, entries[n]) for n in ('lab', 'lab-other', 'lab-appcred', 'lab-admin'))
    # A module a service; each leaves nothing behind.
    calls_identity.story(lab, credential)
    made = calls_network.story(lab, other, admin)
    calls_storage.images(lab, other)
    calls_storage.volumes(lab, other, admin)
    calls_compute.story(lab, other, admin, made)
    calls_storage.balancers(lab, other, admin, made)
    calls_network.bury(lab, made)
