"""The fork server of a box: imports once, then forks one locked-down child for every program.

Started by the host inside the outer box, as `python -s -S -P -c "from sandboxes.in_box.server import main; ..."`.
It gets what a child needs as descriptors and numbers; texts and answers go past it, from the host to the child. A
child is in a pid namespace of its own, whose first process (`children.py`) takes all of it along when the child ends.

Does NOT protect against: a child that breaks out of its layers; what one server forks shares an address layout.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

from sandboxes.in_box import layers
from sandboxes.in_box.children import Child
from sandboxes.in_box.nursery import Nursery
from sandboxes.in_box.proc import Proc
from sandboxes.in_box.programs import (
    prepare_builtins,
    prepare_streams,
    read_payload,
    reseed,
    run_to_the_end,
    sink_stdout,
    warm_up,
)
from sandboxes.in_box.threads import prepare_threads
from sandboxes.in_box.user import prepare_user
from sandboxes.in_box.watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Ground = tuple[int, int]
    """Descriptors of a proc file system, which is mounted nowhere, and of the fork server's own pid namespace."""
    Born = tuple[Mapping[str, Any], Sequence[int]]
    """In a child: the request, and the descriptors that came with it."""

CONTROL = 3
_CHANNEL, _PAYLOAD = 3, 4  # in a child; before that, descriptors up to _LAST are the server's own
_LAST = 9
_MAX_MESSAGE = 1 << 20
_DESCRIPTORS = 5  # payload, stdin, stdout, stderr, channel
NEVER_BEGAN = 125
_leave = os._exit  # programs, and guards that graders put before them, take os._exit away


class Server:
    """Forks children until the host closes the control socket."""

    def __init__(
        self, control: socket.socket, ground: Ground, nursery: Nursery, setup: Mapping[str, Any]
    ) -> None:
        self._control = control
        self._proc, self._namespace = ground
        self._nursery = nursery
        self._born: Born | None = None
        self._rules = {
            profile: layers.landlock_rules(setup["readable"], run=profile == "subprocess")
            for profile in setup["filters"]
        }
        self._filters = {
            name: layers.Filter.of(bytes.fromhex(code)) for name, code in setup["filters"].items()
        }
        self._uid, self._gid = os.getuid(), os.getgid()
        self._children: dict[int, Child] = {}
        self._poll = select.poll()
        self._poll.register(control.fileno(), select.POLLIN)
        self._counts = Proc(self._proc)
        self._watch = Watch(self._counts)
        self._base_bytes = self._address_space()
        # Looked up once: a child that looks through all modules copies the page of each name.
        self._own_modules = [name for name in sys.modules if name.split(".")[0] == "sandboxes"]
        assert max(*ground, *(rule or 0 for rule in self._rules.values())) <= _LAST

    @property
    def absent(self) -> list[str]:
        """The optional layers that this kernel lacks."""
        return ["landlock"] if None in self._rules.values() else []

    def serve(self) -> Born | None:
        """Until the host closes the control socket. What was asked for is returned in each child, where it is to run:
        all frames of this loop are left there, for they would be a part of the program's recursion.
        """
        while self._born is None:
            watched = any(child.watched for child in self._children.values())
            for descriptor, _ in self._poll.poll(Watch.MILLISECONDS if watched else None):
                if descriptor != self._control.fileno():
                    self._end(descriptor)
                elif not self._obey():
                    return self._born
            if watched:
                self._watch.look({child for child in self._children.values() if child.watched})
        return self._born

    def _obey(self) -> bool:
        """Read one message of the host; False when it has gone, and in a child."""
        message, descriptors, _, _ = socket.recv_fds(self._control, _MAX_MESSAGE, _DESCRIPTORS)
        if not message:
            return False
        request = json.loads(message)
        if "kill" in request:
            for child in {one for one in self._children.values() if one.number == request["kill"]}:
                child.kill()
            return True
        if "look" in request:
            for child in {one for one in self._children.values() if one.number == request["look"]}:
                self._say({"number": child.number, "look": self._look_at(child)})
            return True
        try:
            if self._fork(request):
                self._born = request, descriptors
                return False
        except OSError as error:
            self._say({"number": request["number"], "error": str(error)})
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _look_at(self, child: Child) -> Mapping[str, Any] | None:
        """See `Proc.look`. Not where it may have children: they take its processor, and nobody knows of all of them."""
        if child.watched:
            return None
        return child.look if child.status is not None else self._counts.look(child.pidfds[1], child.pid)

    def _fork(self, request: Mapping[str, Any]) -> bool:
        """True in the child."""
        namespace, first = self._nursery.take()
        pid = -1
        try:
            layers.join(namespace, layers.CLONE_NEWPID)
            pid = os.fork()
        except OSError:
            signal.pidfd_send_signal(first, signal.SIGKILL)
            os.close(first)
            raise
        finally:
            if pid != 0:
                layers.join(self._namespace, layers.CLONE_NEWPID)
                os.close(namespace)
        if pid == 0:
            return True
        child = Child(request, first, pid)
        for pidfd in child.pidfds:
            self._children[pidfd] = child
            self._poll.register(pidfd, select.POLLIN)
        return False

    def become(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        """In the child: put on every layer, then read the program that it is to run."""
        os.setsid()  # else it is in the fork server's process group, which kill(0) reaches past namespaces
        payload, *streams, channel = descriptors
        for place, descriptor in enumerate(streams):
            os.dup2(descriptor, place)
        os.dup2(channel, _CHANNEL, inheritable=False)
        self._lock_down(request, payload)
        os.write(_CHANNEL, b"R")
        sys.argv[:] = ["program"]
        for name in self._own_modules:
            del sys.modules[name]
        reseed(request["seed"])
        if request["talks"]:
            sink_stdout()
        self.__dict__.clear()  # what other children are is no business of this one
        program = read_payload(_PAYLOAD)
        gc.enable()
        return {**program, "talks": request["talks"]}

    def _lock_down(self, request: Mapping[str, Any], payload: int) -> None:
        limits, profile = request["limits"], request["profile"]
        layers.own_namespaces(self._proc, self._uid, self._gid)
        layers.mount_disk(limits["disk_bytes"], limits["files"])
        os.chdir(layers.WORK)
        os.umask(0o022)
        self._hand_over_work_folder()
        layers.drop_capabilities()
        rules = self._rules[profile]
        if rules is not None:
            layers.restrict(rules)
        os.dup2(payload, _PAYLOAD, inheritable=False)
        os.closerange(_PAYLOAD + 1, 1 << 20)
        layers.set_limits(limits, self._base_bytes, watched=profile == "subprocess")
        layers.load_filter(self._filters[profile])

    def _hand_over_work_folder(self) -> None:
        """The host looks into it at the end, when nothing of this child is left."""
        folder = os.open(layers.WORK, os.O_RDONLY | os.O_DIRECTORY)
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, _CHANNEL)
        socket.send_fds(channel, [b"F"], [folder])
        channel.detach()
        os.close(folder)

    def _end(self, pidfd: int) -> None:
        child = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        if pidfd == child.pidfds[1]:
            child.look = self._look_at(child)
        if child.reap(pidfd):
            self._say(
                {
                    "number": child.number,
                    "status": child.status,
                    "cpu_seconds": child.cpu_seconds,
                    "peak_bytes": child.peak_bytes,
                    "limit": child.ended_by,
                    "look": child.look,
                }
            )

    def _say(self, message: Mapping[str, Any]) -> None:
        self._control.send(json.dumps(message).encode())

    def _address_space(self) -> int:
        descriptor = os.open("self/statm", os.O_RDONLY, dir_fd=self._proc)
        pages = int(os.read(descriptor, 200).split()[0])
        os.close(descriptor)
        return pages * os.sysconf("SC_PAGE_SIZE")


def _ground() -> Ground:
    proc = os.open("/box/proc", os.O_PATH | os.O_DIRECTORY)
    namespace = os.open("self/ns/pid", os.O_RDONLY, dir_fd=proc)
    layers.unmount("/box/proc")
    return proc, namespace


def main() -> None:
    """Serve the control socket, which is descriptor 3."""
    control = socket.socket(fileno=CONTROL)
    ground = _ground()
    nursery = Nursery(*ground, CONTROL)
    setup = json.loads(control.recv(_MAX_MESSAGE))
    sys.path[:] = setup["path"]
    for name in setup["imports"]:
        try:
            importlib.import_module(name)
        except ImportError:  # a machine without it: a program that needs it is told so
            continue
    prepare_builtins()
    prepare_user(layers.INNER_UID)
    prepare_streams()
    prepare_threads()
    warm_up()
    server = Server(control, ground, nursery, setup)
    gc.collect()
    gc.disable()  # a collection would write to pages that all children share
    gc.freeze()
    control.send(json.dumps({"ready": True, "absent": server.absent}).encode())
    born = server.serve()
    if born is None:
        return
    code = NEVER_BEGAN
    try:
        code = run_to_the_end(server.become(*born), _CHANNEL)
    except BaseException as error:  # noqa: BLE001 - the last frame of this process
        os.write(2, f"Traceback (most recent call last):\n{type(error).__name__}: {error}\n".encode())
    finally:
        _leave(code)
