# SPDX-License-Identifier: Apache-2.0
"""Child processes that cannot outlive a test run.

A Process has a session and a log of its own, and gets a signal when the run that started it dies.  It is
ended by pid, together with its descendants.  Start processes from the main thread only: the kernel sends
the parent-death signal when the *thread* that forked is gone.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded before any fork: dlopen is not safe after it

# What a user's session may hold and no test may see.
PRIVATE_PREFIXES = ("DOCKER_", "OS_", "XDG_", "STATE_DIRECTORY", "CONTAINERS_", "GLANCE_", "KEYSTONE_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Timeout(AssertionError):
    """Something did not happen in time."""


def wait_until(condition, timeout=10.0, what="the condition", interval=0.05):
    """Poll condition() until it is true and return what it returned."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"{what}: not within {timeout} s")
        time.sleep(interval)


def free_port():
    """A TCP port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def clean_env(home, **extra):
    """This environment without what is the user's own, HOME replaced, plus `extra`."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(PRIVATE_PREFIXES) and key.lower() not in PROXIES}
    env.update(HOME=str(home), LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1",
               PATH="/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
    env.update({key: str(value) for key, value in extra.items()})
    return env


def _stat(pid):
    """(state, parent pid, start time) of a process, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2:].split()  # the name before it may hold spaces
    return fields[0], int(fields[1]), int(fields[19])


def _pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def is_alive(pid, started=None):
    """False for a zombie (PID 1 may not reap) and for another process that got the same pid."""
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z" and started in (None, stat[2])


def descendants(pid):
    """[(pid, start time)] of all processes below pid."""
    table = {other: stat for other in _pids() if (stat := _stat(other))}
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        children = [other for other, stat in table.items() if stat[1] == parent]
        found += [(child, table[child][2]) for child in children]
        todo += children
    return found


def with_argument(text):
    """Pids of processes that have `text` in their command line: for daemons that left their parent."""
    found = []
    for pid in _pids():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(text) in line and pid != os.getpid() and is_alive(pid):
            found.append(pid)
    return found


def kill_all(processes):
    """SIGKILL to every (pid, start time) that is still the same process."""
    for pid, started in processes:
        if is_alive(pid, started):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Process:
    """A child with a log.  Use stop(), or kill() to see what a crash does."""

    def __init__(self, argv, log, env, cwd="/", death_signal=signal.SIGKILL):
        self.argv = [str(arg) for arg in argv]
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as out:
            self._child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd,
                start_new_session=True,
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, int(death_signal)))
        self.pid = self._child.pid

    @property
    def returncode(self):
        """None while it runs."""
        return self._child.poll()

    def alive(self):
        return self.returncode is None

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, timeout):
        """The exit status, or None when it still runs after `timeout` seconds."""
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout=15):
        """TERM, wait, KILL; whatever is left of its descendants is killed too.  Returns the exit status."""
        if not self.alive():
            return self.returncode
        below = descendants(self.pid)
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)  # a stopped process does not see its TERM
        if self.wait(timeout) is None:
            self.kill()
        kill_all(below)
        return self.returncode

    def kill(self):
        """SIGKILL to it and its descendants."""
        if not self.alive():
            return self.returncode
        below = descendants(self.pid)
        self.signal(signal.SIGKILL)
        kill_all(below)
        return self._child.wait()

    def log_text(self):
        return self.log.read_text(errors="replace")

    def log_tail(self, lines=30):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def wait_ready(self, condition, timeout=60):
        """Until condition(); fails early, with the log's end, when the process ends before."""
        name = os.path.basename(self.argv[0])
        deadline = time.monotonic() + timeout
        while not condition():
            if not self.alive():
                raise RuntimeError(f"{name} ended with {self.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise Timeout(f"{name} not ready within {timeout} s:\n{self.log_tail()}")
            time.sleep(0.05)


def run(argv, env, check=True, input=None, timeout=120, binary=False):
    """Run a command to its end; CompletedProcess with text (or bytes) output, never reading our stdin."""
    argv = [str(arg) for arg in argv]
    source = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(argv, env=env, capture_output=True, timeout=timeout, text=not binary, **source)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
