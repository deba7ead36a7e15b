"""Makes pid namespaces, each with a first process, for the programs that will be put into them.

The first process makes the program an ordinary one, which signals of its own can end, and takes all others of the
namespace along when it is killed. It is forked from a process without the fork server's imports, whose pages would
double what a fork costs.

Does NOT protect against: a first process shares its namespace with the program; what keeps them apart is that it has
no handlers, descriptors or capabilities, and that the program's filter lacks every call that could reach into it.
"""

from __future__ import annotations

import errno
import os
import signal
import socket

from sandboxes.in_box import layers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Nursery:
    """A process of its own, forked at once. `proc` and `namespace` are the fork server's descriptors."""

    def __init__(self, proc: int, namespace: int, control: int) -> None:
        self._asked, theirs = socket.socketpair()
        if os.fork() == 0:
            self._asked.close()
            os.close(control)
            _serve(theirs, proc, namespace)
        theirs.close()

    def take(self) -> tuple[int, int]:
        """Descriptors of a new namespace and of its first process. Raises OSError; EOFError without a nursery."""
        try:
            self._asked.send(b"?")
            word, found, _, _ = socket.recv_fds(self._asked, 1, 2)
        except ConnectionError:  # no error of this one program: none will ever get a namespace again
            word = b""
        if not word:
            raise EOFError("the process that makes pid namespaces has ended")
        if len(found) != 2:
            for descriptor in found:
                os.close(descriptor)
            raise OSError(word[0], f"a pid namespace: {os.strerror(word[0])}")
        namespace, first = found
        return namespace, first


def _serve(asked: socket.socket, proc: int, namespace: int) -> NoReturn:
    """Until the fork server has gone. Nobody waits for a first process: the kernel reaps it, and its orphans."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        while asked.recv(1):
            try:
                made = _made(proc, namespace)
            except OSError as error:
                asked.send(bytes([(error.errno or errno.EAGAIN) & 0xFF]))
                continue
            socket.send_fds(asked, [bytes([errno.EMFILE])], made)  # what it means where they do not arrive
            for descriptor in made:
                os.close(descriptor)
    finally:
        os._exit(1)


def _made(proc: int, namespace: int) -> list[int]:
    layers.unshare(layers.CLONE_NEWPID)
    try:
        pid = os.fork()
        if pid == 0:
            _be_the_first()
        try:
            made = os.open("self/ns/pid_for_children", os.O_RDONLY, dir_fd=proc)
            return [made, os.pidfd_open(pid)]
        except OSError:
            os.kill(pid, signal.SIGKILL)
            raise
    finally:
        layers.join(namespace, layers.CLONE_NEWPID)


def _be_the_first() -> NoReturn:
    try:
        os.setsid()
        os.closerange(0, 1 << 20)
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # a handler is the only thing that reaches a first process
        layers.drop_capabilities()
        while True:
            signal.pause()
    finally:
        os._exit(1)
