# SPDX-License-Identifier: Apache-2.0
"""bench_cat.py [ROUNDS]: the process `cat state` beside the process `docker inspect -f {{.State.Status}}`.

The engine is a real one of our own where dockerd can run, else a scripted one.
"""

from contextlib import contextmanager

from common import (CAT, ScriptedEngine, arguments, figure, folder, median, proc, ratio, real_engine_runs, run,
                    timed_mount)
from lib.engine import DOCKER, Engine


@contextmanager
def an_engine(root):
    """(URL, name of a running container)"""
    if not real_engine_runs():
        with ScriptedEngine(root, "--containers=1") as engine:
            yield engine.url, "c00000"
        return
    engine = Engine(root / "e")
    try:
        engine.start().import_busybox()
        engine.run("web")
        yield engine.url, "web"
    finally:
        engine.close()


def main():
    rounds, = arguments(41)
    with folder() as root, an_engine(root) as (url, name), timed_mount(root / "c", f"--engine={url}") as (mount, _):
        env = proc.clean_env(root)
        commands = {"cat": [CAT, mount.path / f"containers/{name}/state"],
                    "docker-inspect": [DOCKER, "-H", url, "inspect", "-f", "{{.State.Status}}", name]}
        took = {what: [] for what in commands}
        for _ in range(rounds):
            for what, argv in commands.items():
                took[what].append(run(argv, env))
    pairs = list(zip(took["docker-inspect"], took["cat"]))
    ratio("docker-inspect/cat", median(docker[0] / cat[0] for docker, cat in pairs), least=10)
    ratio("docker-inspect/cat-cpu", median(docker[1] / cat[1] for docker, cat in pairs))
    for what, times in took.items():
        figure(what, median(wall for wall, _ in times) * 1e3, "ms")
        figure(f"{what}-cpu", median(used for _, used in times) * 1e3, "ms")


if __name__ == "__main__":
    main()
