#!/usr/bin/env python3
"""The same raw HTTP calls against two clouds must get the same statuses and the same shapes of bodies.

    differential.py record CLOUDS_YAML OUT      makes the calls of calls.py; a file a service in the folder OUT, in it a line a call
    differential.py compare REAL OTHER REASONS  says every difference that REASONS does not list; -v: also reasons that explain
                                                nothing, and errors that are said in other words

The shape of a body is its members and their JSON types, all the way down. Beside it are kept: the status, which headers of interest
there are, and the words by which clients tell errors apart (the name of the exception in Neutron, the fault's code).
"""
import fnmatch
import json
import pathlib
import re
import sys
import time

from exchange import exchange

HEADERS = ('content-type', 'location', 'openstack-api-version', 'openstack-auth-receipt', 'retry-after', 'vary', 'www-authenticate',
           'x-openstack-nova-api-version', 'x-openstack-request-id', 'x-compute-request-id', 'x-subject-token')
# Members whose name is data, as in {"addresses": {"my-network": […]}}, are not told apart.
MAPS = {'addresses', 'allocations', 'metadata', 'provider_summaries', 'properties', 'extra_specs', 'volume_image_metadata', 'image_meta'}


def shape(value, name=''):
    if isinstance(value, dict):
        if name in MAPS:
            return {'*': merged([shape(v) for v in value.values()])} if value else {}
        return {key: shape(v, key) for key, v in sorted(value.items())}
    if isinstance(value, list):
        return [merged([shape(v) for v in value])] if value else []
    return {str: 'string', bool: 'bool', int: 'number', float: 'number', type(None): 'null'}[type(value)]


def merged(shapes):
    """What holds for all elements of a list; members that only some have end with `?`."""
    kinds = {type(s) for s in shapes}
    if kinds == {dict}:
        names = sorted({key for s in shapes for key in s})
        return {key + ('' if all(key in s for s in shapes) else '?'): merged([s[key] for s in shapes if key in s]) for key in names}
    if kinds == {list}:
        inner = [s[0] for s in shapes if s]
        return [merged(inner)] if inner else []
    if kinds == {str}:
        return '|'.join(sorted(set('|'.join(shapes).split('|'))))
    return shapes[0] if len(kinds) == 1 else 'mixed'


def words(body):
    """What in an error's body a client decides by."""
    if not isinstance(body, dict):
        return {}
    found = {}
    for name, fault in body.items():
        if isinstance(fault, dict):
            found.update({f'{name}.{key}': fault[key] for key in ('code', 'type', 'title') if isinstance(fault.get(key), (str, int))})
    if 'faultcode' in body:
        found['faultcode'] = body['faultcode']
    return found


def message(body):
    """The words of an error for people, without what is of this run only."""
    texts = []

    def walk(value):
        for key, part in value.items() if isinstance(value, dict) else ():
            if key in ('message', 'faultstring', 'detail', 'title') and isinstance(part, str):
                texts.append(part)
            elif isinstance(part, list):
                for one in part:
                    walk(one)
            else:
                walk(part)
    walk(body)
    text = ' · '.join(texts)
    text = re.sub(r'diff-[0-9]+', 'NAME', text)
    text = re.sub(r'([0-9a-f]{2}:){5}[0-9a-f]{2}', 'MAC', text)
    text = re.sub(r'203\.0\.113\.[0-9]+', 'ADDRESS', text)
    text = re.sub(r'req-[0-9a-f-]{36}|[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}', 'ID', text)
    return re.sub(r'http://[^ ]+', 'URL', text)[:160]


class Recorder:
    """Makes calls and keeps what they look like."""

    def __init__(self, out):
        self.out, self.names = pathlib.Path(out), set()
        self.out.mkdir(parents=True, exist_ok=True)
        for old in self.out.glob('*.jsonl'):
            old.unlink()

    def call(self, name, method, url, body=None, headers=None):
        answer = exchange(method, url, body, headers)
        if name in self.names:
            raise SystemExit(f'two calls are named {name}')
        self.names.add(name)
        kept = {'call': name, 'status': answer.status, 'headers': sorted(h for h in HEADERS if h in answer.headers),
                'type': answer.headers.get('content-type', '').split(';')[0], 'shape': shape(answer.body) if answer.body is not None else None}
        if answer.status >= 300:
            kept.update(words=words(answer.body), message=message(answer.body))
        with open(self.out / f'{name.split(":")[0]}.jsonl', 'a', encoding='utf-8') as out:
            out.write(json.dumps(kept, sort_keys=True, ensure_ascii=False) + '\n')
        return answer


def differences(real, other, path=''):
    """Pairs of a place and what is different there."""
    if isinstance(real, dict) and isinstance(other, dict):
        plain = {key.rstrip('?'): value for key, value in other.items()}
        wanted = {key.rstrip('?'): value for key, value in real.items()}
        for key in sorted(wanted.keys() | plain.keys()):
            at = f'{path}.{key}' if path else key
            if key not in plain:
                yield at, 'is missing'
            elif key not in wanted:
                yield at, 'is not in the real one'
            else:
                yield from differences(wanted[key], plain[key], at)
    elif isinstance(real, list) and isinstance(other, list):
        if real and other:
            yield from differences(real[0], other[0], path + '[]')
        elif real or other:
            yield path + '[]', 'is empty in one of both'
    elif real != other:
        yield path, f'is {brief(other)}, really {brief(real)}'


def brief(value):
    return value if isinstance(value, (str, int)) else json.dumps(value)[:80]


def load(folder):
    lines = [line for file in sorted(pathlib.Path(folder).glob('*.jsonl')) for line in file.read_text(encoding='utf-8').splitlines()]
    return {kept['call']: kept for kept in map(json.loads, lines)}


def reasons(path):
    """Lines `CALL | PLACE | REASON`, both of the first with wildcards; `#` begins a comment."""
    with open(path, encoding='utf-8') as lines:
        rows = [line.strip() for line in lines]
    return [tuple(part.strip() for part in row.split('|', 2)) for row in rows if row and not row.startswith('#')]


def compare(real_path, other_path, reasons_path):
    real, other, listed = load(real_path), load(other_path), reasons(reasons_path)
    used, explained, unexplained, talk = set(), 0, [], 0
    for name in sorted(real.keys() ^ other.keys()):
        unexplained.append(f'{name}: was made against one of both only')
    for name in [n for n in real if n in other]:
        a, b = real[name], other[name]
        found = [('status', f'is {b["status"]}, really {a["status"]}')] if a['status'] != b['status'] else []
        if not found:
            found += [(f'header {h}', 'is missing') for h in a['headers'] if h not in b['headers']]
            found += [(f'header {h}', 'is not in the real one') for h in b['headers'] if h not in a['headers']]
            found += [('content-type', f'is {b["type"]}, really {a["type"]}')] if a['type'] != b['type'] else []
            found += [(f'body {place}'.strip(), what) for place, what in differences(a['shape'], b['shape'])]
            found += [(f'words {place}', what) for place, what in differences(a.get('words', {}), b.get('words', {}))]
            if a.get('message') != b.get('message') and not found:
                talk += 1
                if '-v' in sys.argv:
                    print(f'  {name}: says “{b.get("message")}”, really “{a.get("message")}”')
        for place, what in found:
            why = next((row for row in listed if fnmatch.fnmatchcase(name, row[0]) and fnmatch.fnmatchcase(place, row[1])), None)
            if why:
                used.add(why)
                explained += 1
            else:
                unexplained.append(f'{name}: {place} {what}' + (f' (real: {a.get("message")!r}, other: {b.get("message")!r})' if place == 'status' else ''))
    for line in unexplained:
        print('✗', line)
    if '-v' in sys.argv:
        for row in listed:
            if row not in used:
                print('  a reason that explains nothing here:', ' | '.join(row))
    print(f'{"✗" if unexplained else "✓"} differential: {len(real)} calls, {explained} differences with a reason, {len(unexplained)} without; '
          f'{talk} errors say it in other words')
    return 1 if unexplained else 0


def main():
    verb, *rest = [word for word in sys.argv[1:] if word != '-v']
    if verb == 'compare':
        sys.exit(compare(*rest))
    import calls
    started = time.monotonic()
    recorder = Recorder(rest[1])
    calls.story(recorder, rest[0])
    print(f'  {len(recorder.names)} calls recorded in {time.monotonic() - started:.1f} s')


if __name__ == '__main__':
    main()
