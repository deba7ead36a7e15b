"""A careless grader: runs Python that it was sent as its own child, with its own rights, and believes what it says.

Runs as the first process of a throwaway pid namespace, so that an attack that kills all there is kills nobody else:
`unshare --pid --fork ... python grader.py < request`. Three ways of being careless: `alone` (a child of the grader,
pid 2, with a channel for its result), `worker` (one interpreter for all sources) and `together` (two children at the
same time). An observer, pid 1, which no signal from inside can end, tells what became of the grader.
Protects against nothing: that is its use.
"""

import concurrent.futures
import contextlib
import ctypes
import io
import json
import os
import resource
import select
import subprocess
import sys

AT_ONCE = 4
PYTHON = (sys.executable, "-S", "-P", "-c")
ADDRESS_SPACE = 6 * 2**30  # keeps the bombs of the tests small
NOTHING = {"stdout": "", "stderr": "", "timed_out": False, "verdict": ""}
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


def alone(sources, folder, seconds):
    """Run one source as a child; its verdict is the first line of the channel."""
    reading, writing = os.pipe()
    try:
        done = spawn([HARNESS, str(writing), sources[0]], folder, seconds, keep=(writing,))
        ready, _, _ = select.select([reading], [], [], 0)
        first = os.read(reading, 65536).split(b"\n")[0] if ready else b""
    finally:
        os.close(reading)
        os.close(writing)
    with contextlib.suppress(ValueError, AttributeError):
        done["verdict"] = json.loads(first).get("status", "")
    return done


def worker(sources, folder, seconds):
    """Run every source in one interpreter, one after the other; tell what the last one printed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.environ["TMPDIR"] = folder
        printed = ""
        for source in sources:
            printed = exec_here(source)
        os.write(writing, printed.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as said:
        stdout = said.read().decode()
    os.waitpid(child, 0)
    return {**NOTHING, "stdout": stdout}


def exec_here(source):
    """What a source prints that runs in this very interpreter."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(source, "<program>", "exec"), {"__name__": "__main__"})
        except Exception as error:  # noqa: BLE001 - whatever a program raises, the worker goes on
            print(f"{type(error).__name__}: {error}")
    return printed.getvalue()


def together(sources, folder, seconds):
    """Run the second source while the first one waits; tell what the second one printed."""
    waiting = sources[0] + "\nprint('planted', flush=True)\ninput()\n"
    with subprocess.Popen(
        [*PYTHON, waiting],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(folder),
        cwd=folder,
    ) as planter:
        while (line := planter.stdout.readline()) and line != b"planted\n":
            pass
        done = spawn([sources[1]], folder, seconds)
        if planter.poll() is not None:
            done["stdout"] += "BREACH: the other one is dead"
        planter.kill()
    return done


def environment(folder):
    """The grader's own, secrets and all, with its search path, for `-S` saves half of what starting Python costs."""
    return {**os.environ, "TMPDIR": folder, "PYTHONPATH": os.pathsep.join(sys.path)}


def spawn(arguments, folder, seconds, keep=()):
    """Run `python -c ARGUMENTS` and collect what it prints until it or the time ends."""
    with subprocess.Popen(
        [*PYTHON, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(folder),
        cwd=folder,
        pass_fds=keep,
    ) as process:
        timed_out = False
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            timed_out = True
            process.kill()
            stdout, stderr = late.stdout or b"", late.stderr or b""
    decoded = [text.decode(errors="replace") for text in (stdout, stderr)]
    return {"stdout": decoded[0], "stderr": decoded[1], "timed_out": timed_out, "verdict": ""}


def grade(request):
    """Run all cases, each in a folder of its own; workers one after the other, for they are forked."""
    way = {"alone": alone, "worker": worker, "together": together}[request["way"]]

    def one(numbered):
        number, sources = numbered
        folder = os.path.join(os.getcwd(), str(number))
        os.mkdir(folder)
        return way(sources, folder, request["seconds"])

    with concurrent.futures.ThreadPoolExecutor(1 if way is worker else AT_ONCE) as pool:
        return list(pool.map(one, enumerate(request["cases"])))


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
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, resource.RLIM_INFINITY))
    reading, writing = os.pipe()
    grader = os.fork()
    if grader == 0:
        os.setsid()
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        answer = json.dumps(grade(request)).encode()
        while answer:
            answer = answer[os.write(writing, answer) :]
        os._exit(0)
    os.close(writing)
    answer, fate = hear(reading, grader)
    ran = json.loads(answer) if fate == "alive" else [NOTHING] * len(request["cases"])
    left = living() if fate == "alive" else 0
    print(json.dumps([{**one, "grader": fate, "outlived": left} for one in ran]))


if __name__ == "__main__":
    main()
