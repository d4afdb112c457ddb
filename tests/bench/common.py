# SPDX-License-Identifier: Apache-2.0
"""What the benches share: lines of figures, a folder, a scripted engine of its own process, clocks."""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib import proc  # noqa: E402
from lib.engine import DOCKERD  # noqa: E402
from lib.mount import Mount, is_mounted  # noqa: E402

SCRIPTED_ENGINE = Path(__file__).resolve().parents[1] / "lib/scripted_engine.py"
CAT, LS = "/bin/cat", "/bin/ls"
MIB = 1 << 20

median = statistics.median
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and mounts are taken down


def arguments(*defaults):
    """The program's arguments, which are whole numbers and may be left out from the end."""
    given = [int(arg) for arg in sys.argv[1:]]
    return given + list(defaults[len(given):])


def real_engine_runs():
    return os.geteuid() == 0 and os.access(DOCKERD, os.X_OK)


def figure(name, value, unit, most=None):
    """`name value unit`; a figure over `most` is MISSED, which is no failure."""
    print(f"{name} {value:.4g} {unit}{judged(value, most=most)}", flush=True)


def ratio(name, value, most=None, least=None):
    print(f"ratio {name} {value:.2f}{judged(value, most, least)}", flush=True)


def judged(value, most=None, least=None):
    sign, bound = ("<=", most) if most is not None else (">=", least)
    if bound is None:
        return ""
    missed = value > bound if most is not None else value < bound
    return f" (expected {sign} {bound:g})" + (" MISSED" if missed else "")


@contextmanager
def folder():
    """Short, because sockets live in it."""
    path = Path(tempfile.mkdtemp(prefix="cfb-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class ScriptedEngine:
    """In a process of its own, so that its Python does not get in the way of what is measured."""

    def __init__(self, root, *options):
        self.socket = root / "e.sock"
        self._child = subprocess.Popen([sys.executable, SCRIPTED_ENGINE, "--socket", self.socket, *options], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=proc.clean_env(root))
        self.url = self._child.stdout.readline().split()[1]

    def tell(self, command):
        """Send a command and wait until it is done."""
        print(command, file=self._child.stdin, flush=True)
        answer = self._child.stdout.readline()
        assert answer.startswith("ok"), answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.kill()
        self._child.wait()


@contextmanager
def timed_mount(root, *options, **more):
    """(mount, seconds until its root directory was listed)."""
    mount = Mount(root, *options, **more)
    start = time.perf_counter()
    mount.process = proc.Process(mount.argv(), mount.log, mount.env)
    try:
        while not is_mounted(mount.path):
            assert mount.process.alive(), mount.process.log_tail()
            time.sleep(0.001)
        os.listdir(mount.path)
        yield mount, time.perf_counter() - start
        mount.stop()
    finally:
        mount.abort()


def cpu(pid):
    """Seconds of CPU that all threads of a process have used: its clock, see clock_getcpuclockid(3)."""
    return time.clock_gettime_ns(~pid << 3 | 2) / 1e9


def settled_cpu(pid, seconds=0.5):
    """Likewise, when it has come to rest."""
    before = cpu(pid)
    while True:
        time.sleep(seconds)
        now = cpu(pid)
        if now - before < 0.001:
            return now
        before = now


def run(argv, env, **options):
    """(wall seconds, CPU seconds of it and what it waited for) of a command that must succeed."""
    start = time.perf_counter()
    child = subprocess.Popen([str(arg) for arg in argv], env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{argv}: exit {child.returncode}")
    return took, usage.ru_utime + usage.ru_stime
