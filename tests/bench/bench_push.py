# SPDX-License-Identifier: Apache-2.0
"""bench_push.py [MEBIBYTES [ROUNDS]]: a push of an image of random data to Glance, beside what a user has today.

That is `docker save | openstack image create`, and the least that can do it: curl of the engine's export, piped into
curl of Glance's upload, which checks nothing.  Engine and image service are real ones of our own.
"""

import os
import sys
import time
from contextlib import ExitStack

from common import MIB, arguments, cpu, figure, folder, median, ratio, real_engine_runs, run, timed_mount
from lib.engine import DOCKER, Engine
from lib.mount import environment
from lib.openstack import OPENSTACK, PYTHON, Credentials, Glance, http_json
from lib.scripted import memory

IMAGE = "bench:1"
RECORD = {"name": "bench", "container_format": "docker", "disk_format": "raw"}
PIPE_OPENSTACK = '"$1" -H "$2" save "$3" | "$4" "$5" image create --container-format docker --disk-format raw bench'
PIPE_CURL = 'curl -sSf --unix-socket "$1" "http://engine/images/$2/get" |' \
            ' curl -sSf -T - -H "Content-Type: application/octet-stream" "$3"'


def shell(script, env, *args):
    return run(["/bin/bash", "-o", "pipefail", "-c", script, "bash", *args], env)


class Ways:
    """Each returns (wall seconds, CPU seconds of the client's side)."""

    def __init__(self, engine, glance, mount, credentials):
        self.engine, self.glance, self.mount = engine, glance, mount
        self.env = {**engine.env, **credentials.env()}

    def commitfs(self):
        pid = self.mount.process.pid
        used, start = cpu(pid), time.perf_counter()
        self.mount.write(f"images/{IMAGE}/push", "")
        final = self.mount.finish(f"images/{IMAGE}")
        assert final["state"] == "active", final
        return time.perf_counter() - start, cpu(pid) - used

    def openstack(self):
        return shell(PIPE_OPENSTACK, self.env, DOCKER, self.engine.url, IMAGE, PYTHON, OPENSTACK)

    def curl(self):
        start = time.perf_counter()
        record = http_json("POST", f"{self.glance.url}/v2/images", RECORD)
        _, used = shell(PIPE_CURL, self.env, self.engine.socket, IMAGE, f"{self.glance.url}{record['file']}")
        return time.perf_counter() - start, used

    def measure(self, way):
        """With the disk at rest before, and the image service empty after it."""
        os.sync()
        took = getattr(self, way)()
        image, = self.glance.images()
        assert image["status"] == "active", image
        self.glance.delete(image["id"])
        return took


def make_image(engine, mebibytes):
    engine.start().import_busybox()
    engine.run("web")
    engine.grow("web", mebibytes)
    engine.docker("commit", "web", IMAGE, timeout=600)


def report(took, resident):
    walls = {way: [wall for wall, _ in times] for way, times in took.items()}
    ratio("push/curl", median(a / b for a, b in zip(walls["commitfs"], walls["curl"])), most=1.0)
    ratio("openstack/push", median(a / b for a, b in zip(walls["openstack"], walls["commitfs"])), least=1.7)
    figure("push-resident-peak", resident / MIB, "MiB", most=24)
    for way, times in took.items():
        figure(f"push-{way}", median(walls[way]), "s")
        figure(f"push-{way}-cpu", median(used for _, used in times), "s")


def main():
    mebibytes, rounds = arguments(1024, 3)
    if not real_engine_runs():
        print("skipped: an engine of our own needs root and dockerd")
        sys.exit(77)
    with folder() as root, ExitStack() as after:
        engine, glance = Engine(root / "e"), Glance(root / "g")
        after.callback(engine.close)
        make_image(engine, mebibytes)
        after.callback(glance.close)
        glance.start()
        nobody = Credentials.none(glance)
        mount, _ = after.enter_context(
            timed_mount(root / "c", f"--engine={engine.url}", env=environment(root, nobody)))
        ways = Ways(engine, glance, mount, nobody)
        took = {"commitfs": [], "openstack": [], "curl": []}
        for n in range(rounds):
            for way in list(took)[::-1 if n % 2 else 1]:  # none is always the first
                took[way].append(ways.measure(way))
        os.sync()  # what the last rounds wrote must not hold up the ends of the servers
        report(took, memory(mount.process.pid))


if __name__ == "__main__":
    main()
