"""A careless grader: runs Python that it was sent as its own child, with its own rights, and believes what it says.

Runs as the first process of a throwaway pid namespace, so that an attack that kills all there is kills nobody else:
`unshare --pid --fork ... python grader.py < request`. Three ways of being careless: `alone` (a child of the grader,
pid 2, with a channel for its result), `worker` (one interpreter for all sources) and `together` (two children at the
same time). An observer, pid 1, which no signal from inside can end, tells what became of the grader.
Protects against nothing: that is its use.
"""

import contextlib
import ctypes
import io
import json
import os
import resource
import select
import subprocess
import sys

ADDRESS_SPACE = 6 * 2**30  # keeps the bombs of the tests small
HARNESS = """
import json, os, sys
channel, source, expected = int(sys.argv[1]), sys.argv[2], 'expected-' + str(4710 + 1)
try:
    exec(compile(source, '<program>', 'exec'), {'__name__': '__main__'})
    verdict = 'ok'
except SystemExit as error:
    verdict = 'failed' if error.code else 'ok'
except BaseException:
    import traceback
    traceback.print_exc()
    verdict = 'failed'
os.write(channel, json.dumps({'status': verdict}).encode() + b'\\n')
"""


def alone(request):
    """Run one source as a child; its verdict is the first line of the channel."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    done = spawn([HARNESS, str(writing), request["sources"][0]], request["timeout"], keep=(writing,))
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], 0)
    first = os.read(reading, 65536).split(b"\n")[0] if ready else b""
    verdict = ""
    with contextlib.suppress(ValueError, AttributeError):
        verdict = json.loads(first).get("status", "")
    return {**done, "verdict": verdict}


def worker(request):
    """Run every source in this interpreter, one after the other; tell what the last one printed."""
    for source in request["sources"]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(source, "<program>", "exec"), {"__name__": "__main__"})
            except Exception as error:  # noqa: BLE001 - whatever a program raises, the worker goes on
                print(f"{type(error).__name__}: {error}", file=sys.__stderr__)
    return {"stdout": printed.getvalue(), "stderr": "", "timed_out": False, "verdict": ""}


def together(request):
    """Run the second source while the first one waits; tell what the second one printed."""
    first, second = request["sources"]
    waiting = first + "\nprint('planted', flush=True)\ninput()\n"
    with subprocess.Popen(
        [sys.executable, "-c", waiting], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as planter:
        while (line := planter.stdout.readline()) and line != b"planted\n":
            pass
        done = spawn([second], request["timeout"])
        if planter.poll() is not None:
            done["stdout"] += "BREACH: the other one is dead"
        planter.kill()
    return {**done, "verdict": ""}


def spawn(arguments, timeout, keep=()):
    """Run `python -c ARGUMENTS` and collect what it prints until it or the time ends."""
    environment = {**os.environ, "SERVICE_API_KEY": "sk-host-secret"}
    with subprocess.Popen(
        [sys.executable, "-c", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        pass_fds=keep,
    ) as process:
        timed_out = False
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as late:
            timed_out = True
            process.kill()
            stdout, stderr = late.stdout or b"", late.stderr or b""
    decoded = [text.decode(errors="replace") for text in (stdout, stderr)]
    return {"stdout": decoded[0], "stderr": decoded[1], "timed_out": timed_out}


def hear(reading, grader):
    """All that the grader says, and its fate: `alive` unless its own child `killed` or `stopped` it."""
    pieces = [b""]
    while True:
        if select.select([reading], [], [], 0.01)[0]:
            pieces.append(os.read(reading, 1 << 20))
            if not pieces[-1]:
                break
        with open(f"/proc/{grader}/stat") as file:
            state = file.read().rpartition(")")[2].split()[0]
        if state in "Tt":
            return b"", "stopped"
    _, status = os.waitpid(grader, 0)
    return b"".join(pieces), "killed" if os.WIFSIGNALED(status) else "alive"


def living():
    """How many processes of this namespace live on beside the observer."""
    states = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{name}/stat") as file:
            states.append(file.read().rpartition(")")[2].split()[0])
    return sum(state not in "ZX" for state in states) - 1


def main():
    request = json.load(sys.stdin)
    for place in ("/dev/shm", os.getcwd()):
        ctypes.CDLL(None).mount(b"tmpfs", place.encode(), b"tmpfs", 0, b"size=512m")
    os.chdir(os.getcwd())
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    reading, writing = os.pipe()
    grader = os.fork()
    if grader == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        ways = {"alone": alone, "worker": worker, "together": together}
        answer = json.dumps(ways[request["way"]](request)).encode()
        while answer:
            answer = answer[os.write(writing, answer) :]
        os._exit(0)
    os.close(writing)
    answer, fate = hear(reading, grader)
    nothing = {"stdout": "", "stderr": "", "timed_out": False, "verdict": ""}
    known = json.loads(answer) if fate == "alive" else {}
    print(json.dumps({**nothing, **known, "grader": fate, "outlived": living() if fate == "alive" else 0}))


if __name__ == "__main__":
    main()
