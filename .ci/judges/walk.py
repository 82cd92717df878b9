"""Steps of a judge: each with its seconds, everything made undone in reverse, and a last line that counts."""
import sys
import time


class Walk:
    """Runs steps. The first that fails ends the walk; what was made is still undone."""

    def __init__(self, judge):
        self.judge, self.passed, self.failed, self.undo = judge, 0, 0, []
        self.started = time.monotonic()

    def step(self, name, call):
        started = time.monotonic()
        try:
            result = call()
        except BaseException as error:
            self.failed += 1
            print(f'✗ {self.judge}: {name}: {type(error).__name__}: {error}', flush=True)
            raise Stop from error
        self.passed += 1
        took = time.monotonic() - started
        if took > 5:
            print(f'  {self.judge}: {name} took {took:.1f} s', flush=True)
        return result

    def later(self, name, call):
        self.undo.append((name, call))

    def run(self, story):
        try:
            story(self)
        except Stop:
            pass
        while self.undo:
            name, call = self.undo.pop()
            try:
                self.step(name, call)
            except Stop:
                pass
        mark = '✗' if self.failed else '✓'
        print(f'{mark} {self.judge}: {self.passed} steps passed, {self.failed} failed, {time.monotonic() - self.started:.1f} s')
        sys.exit(1 if self.failed else 0)


class Stop(Exception):
    """A step failed and was said."""


def until(look, good, bad=('ERROR', 'error'), limit=180):
    """Waits for a state; one that means failure ends the waiting."""
    end = time.monotonic() + limit
    while True:
        state = look()
        if state == good:
            return
        if state in bad or time.monotonic() > end:
            raise AssertionError(f'is {state}, not {good}')
        time.sleep(0.2)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)
