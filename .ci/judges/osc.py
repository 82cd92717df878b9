#!/usr/bin/env python3
"""python-openstackclient walks through the same. Usage: osc.py CLOUD   (with OS_CLIENT_CONFIG_FILE)

Each command is what the program `openstack` would be given; they run in one process, to start Python only once.
"""
import contextlib
import io
import json
import sys
import time

from openstackclient import shell

from walk import Walk, expect, until

NAME = f'judge-osc-{int(time.time())}'


def openstack(line, **values):
    """Runs one command; returns its JSON if it has any."""
    words = [word.format(**values) for word in line.split()]
    printed, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        code = shell.main(['--os-cloud', sys.argv[1], *words])
    if code:
        raise AssertionError(f'openstack {" ".join(words)}: exit {code}: {said.getvalue().strip()}')
    text = printed.getvalue().strip()
    return json.loads(text) if '-f json' in line else text


def story(walk):
    names = {'name': NAME}

    def do(line):
        return walk.step(line, lambda: openstack(line, **names))

    def later(line, then=lambda: None):
        walk.later(line, lambda: (openstack(line, **names), then()))

    def listed(line, column='Name'):
        found = do(line + ' -f json')
        walk.step(f'{line} shows it', lambda: expect(
            NAME in [row[column] for row in found], f'{NAME} is not in {found}'))

    def state(line, good, field='status'):
        walk.step(f'{line} is {good}', lambda: until(lambda: openstack(line + ' -f json', **names)[field], good))

    def gone(line, limit=120):
        end = time.monotonic() + limit
        while any(row['Name'] == NAME for row in openstack(line + ' -f json', **names)):
            expect(time.monotonic() < end, 'still there')
            time.sleep(0.5)

    expect_some = lambda rows, what: walk.step(what, lambda: expect(rows, f'no {what}'))
    do('token issue -f json')
    expect_some(do('catalog list -f json'), 'catalog')
    flavors = do('flavor list -f json')
    names['flavor'] = min(flavors, key=lambda f: f['RAM'])['Name']
    names['image'] = do('image list --status active -f json')[0]['ID']
    names['public'] = do('network list --external -f json')[0]['ID']

    do('network create {name} -f json')
    later('network delete {name}')
    do('subnet create {name} --network {name} --subnet-range 10.98.0.0/24 -f json')
    later('subnet delete {name}')
    do('router create {name} -f json')
    later('router delete {name}')
    do('router set --external-gateway {public} {name}')
    do('router add subnet {name} {name}')
    later('router remove subnet {name} {name}')
    do('security group create {name} -f json')
    later('security group delete {name}')
    do('security group rule create --ingress --protocol tcp --dst-port 22 --remote-ip 0.0.0.0/0 {name} -f json')
    do('security group rule create --ingress --remote-group {name} {name} -f json')
    rules = do('security group rule list {name} -f json')
    walk.step('four rules', lambda: expect(len(rules) == 4, f'{len(rules)} rules'))
    do('port create --network {name} --security-group {name} {name} -f json')
    later('port delete {name}')
    do('server create --image {image} --flavor {flavor} --port {name} {name} -f json')
    later('server delete --wait {name}')
    state('server show {name}', 'ACTIVE')
    do('volume create --size 1 {name} -f json')
    later('volume delete {name}', lambda: gone('volume list'))
    state('volume show {name}', 'available')
    do('server add volume {name} {name} -f json')
    state('volume show {name}', 'in-use')
    do('server remove volume {name} {name}')
    state('volume show {name}', 'available')
    names['floating'] = do('floating ip create --port {name} {public} -f json')['id']
    later('floating ip delete {floating}')
    state('floating ip show {floating}', 'ACTIVE')

    for line in ('network list', 'subnet list', 'router list', 'security group list', 'port list', 'server list', 'volume list'):
        listed(line)
    do('router show {name} -f json')
    do('network show {name} -f json')
    do('console log show {name}')
    do('limits show --absolute -f json')


Walk('openstackclient').run(story)
