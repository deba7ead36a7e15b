"""Code that answers with as much as a line holds keeps nobody else from going on, and is refuted."""

import asyncio
import time

import pytest

from judge_agent.schema import CallTest

pytestmark = pytest.mark.anyio
FLOOD = """
import sys
def f(n):
    frame = sys._getframe()
    while 'channel' not in frame.f_locals: frame = frame.f_back
    channel = frame.f_locals['channel']
    body = b'{"value":[' + b','.join([b'[]'] * 2600000) + b']}'
    while True:
        channel.send(body)
        channel.receive()
"""
CHATTER = """
import os
class Square:
    def __init__(self, x): pass
    def area(self):
        line = b'{"op": "start", "name": "hidden.0"}\\n' * 1000
        while True:
            for number in range(3, 64):
                try: os.write(number, line)
                except OSError: pass
"""
CATCHES = """
def check(candidate):
    for n in range(40):
        try: candidate(n)
        except Exception: pass
    assert candidate(3) == 9
"""


async def longest_pause(work):
    """Run some work; return its result and the longest time, in seconds, for which nobody else could run."""
    pauses = [0.0]

    async def watch():
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            pauses.append(time.monotonic() - began - 0.01)

    watching = asyncio.ensure_future(watch())
    try:
        return await work, max(pauses)
    finally:
        watching.cancel()


@pytest.mark.parametrize("kind", ["call", "check"])
async def test_large_answers_hold_nobody_up(kind, judge):
    tests = [CallTest(args=(n,), expected=9) for n in range(10)] if kind == "call" else [CATCHES]
    work = judge(FLOOD, kind, tests, entry_point="f", timeout_seconds=100)
    (decided, _, result), pause = await longest_pause(work)
    assert decided == ("refutes", "decisive"), result.findings[0].reason
    assert pause < 1.0


async def test_messages_without_end_hold_nobody_up(judge):
    file = "from solution import Square\ndef test_area():\n    assert Square(7).area() == 49\n"
    (decided, _, result), pause = await longest_pause(judge(CHATTER, "pytest", [file]))
    assert decided == ("refutes", "decisive"), result.findings[0].reason
    assert pause < 1.0


async def test_a_right_answer_as_large_as_what_is_expected_passes(judge):
    long = [[n, str(n)] for n in range(50_000)]
    tests = [CallTest(args=(50_000,), expected=long), CallTest(args=(0,), expected=[])]
    code = "def f(n): return [(k, str(k)) for k in range(n)]"
    assert (await judge(code, "call", tests, entry_point="f"))[0] == ("confirms", "decisive")
    wrong = "def f(n): return [(k, str(k)) for k in range(n + 1)]"
    assert (await judge(wrong, "call", tests, entry_point="f"))[0] == ("refutes", "decisive")


async def test_constants_larger_than_what_is_told_of_them_do_not_spoil_right_code(judge):
    code = "TABLE = list(range(400_000))\nOTHER = {n: [n] for n in range(40_000)}\ndef f(n): return TABLE[n]"
    assert (await judge(code, "assert", ["assert f(7) == 7"], entry_point="f"))[0] == ("confirms", "decisive")


async def test_an_expected_value_that_cannot_be_carried_says_nothing(judge):
    deep: list = []
    for _ in range(150):
        deep = [deep]
    code = "def f(n):\n    x = []\n    for _ in range(n): x = [x]\n    return x"
    decided, statuses, _ = await judge(code, "call", [CallTest(args=(150,), expected=deep)], entry_point="f")
    assert (decided[0], statuses) == ("none", {"hidden.0": "broken"})
