# SPDX-License-Identifier: Apache-2.0
"""bench_many.py [CONTAINERS [ROUNDS]]: start-up, `ls -l containers/`, memory and events, with many containers.

The engine is scripted; its `events` are containers that stop, one after the other.  What `ls -l` itself costs is seen
beside it: as many directories in tmpfs.  Of times the least of the rounds is printed, of memory the most.
"""

import os
import tempfile
import time

from common import (LS, MIB, ScriptedEngine, arguments, cpu, figure, folder, median, proc, ratio, run, settled_cpu,
                    timed_mount)
from lib.scripted import memory

CURL = "/usr/bin/curl"
EVENTS = 1000


def list_long(folder):
    """Wall seconds of `ls -l containers`."""
    return run([LS, "-l", "containers"], proc.clean_env("/"), cwd=folder)[0]


def curl_list(engine):
    """Wall seconds until the engine has sent its list to somebody who does nothing with it."""
    url = "http://engine/v1.41/containers/json?all=1"
    return run([CURL, "-sS", "--unix-socket", engine.socket, url], proc.clean_env("/"))[0]


def one_mount(root, engine, seen):
    with timed_mount(root, f"--engine={engine.url}") as (mount, ready):
        pid = mount.process.pid
        seen["start-up"].append(ready * 1e3)
        seen["start-up-cpu"].append(settled_cpu(pid) * 1e3)
        seen["resident-at-start"].append(memory(pid, "VmRSS") / MIB)
        before = cpu(pid)
        seen["ls-cold"].append(list_long(mount.path) * 1e3)
        seen["ls-cold-cpu"].append((cpu(pid) - before) * 1e3)
        seen["ls-warm"].append(list_long(mount.path) * 1e3)
        seen["resident-after-ls"].append(memory(pid, "VmRSS") / MIB)
        events(engine, mount, seen)
        seen["resident-peak"].append(memory(pid) / MIB)


def events(engine, mount, seen):
    """A thousand containers stop; the tree is looked at until it shows the last one."""
    pid, last = mount.process.pid, f"containers/c{EVENTS - 1:05d}/state"
    assert mount.word(last) == "running"
    before = settled_cpu(pid)
    start = time.perf_counter()
    engine.tell(f"events {EVENTS}")
    while mount.word(last) != "exited":
        time.sleep(0.005)
    seen["events-shown"].append((time.perf_counter() - start) * 1e3)
    seen["events-cpu"].append((settled_cpu(pid) - before) * 1e3)


def main():
    containers, rounds = arguments(10000, 5)
    units = {"engine-list": "ms", "start-up": "ms", "start-up-cpu": "ms", "ls-cold": "ms", "ls-cold-cpu": "ms",
             "ls-warm": "ms", "ls-tmpfs": "ms", "events-shown": "ms", "events-cpu": "ms",
             "resident-at-start": "MiB", "resident-after-ls": "MiB", "resident-peak": "MiB"}
    expected = {"ls-cold": 100, "resident-after-ls": 48, "resident-peak": 48}
    seen = {name: [] for name in units}
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="cfb-") as tmpfs:
        for n in range(containers):
            os.makedirs(f"{tmpfs}/containers/c{n:05d}")
        for _ in range(rounds):
            with folder() as root, ScriptedEngine(root, f"--containers={containers}") as engine:
                seen["engine-list"].append(curl_list(engine) * 1e3)
                seen["ls-tmpfs"].append(list_long(tmpfs) * 1e3)
                one_mount(root / "c", engine, seen)
    for name, values in seen.items():
        figure(name, min(values) if units[name] == "ms" else max(values), units[name], expected.get(name))
    ratio("ls-cold/tmpfs", median(ours / theirs for ours, theirs in zip(seen["ls-cold"], seen["ls-tmpfs"])))
    ratio("ls-warm/tmpfs", median(ours / theirs for ours, theirs in zip(seen["ls-warm"], seen["ls-tmpfs"])))


if __name__ == "__main__":
    main()
