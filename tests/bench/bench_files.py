# SPDX-License-Identifier: Apache-2.0
"""bench_files.py BENCH_FILES SMALLEST [ROUNDS]: stat and open+read+close of a file, beside tmpfs and beside libfuse."""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from common import ScriptedEngine, folder, is_mounted, proc, timed_mount

STATE = "containers/c00000/state"


@contextmanager
def smallest_mount(root, program):
    root.mkdir()
    server = proc.Process([os.path.abspath(program), "-f", root], root.with_suffix(".log"), proc.clean_env(root))
    try:
        server.wait_ready(lambda: is_mounted(root))
        yield root
    finally:
        server.stop()  # it unmounts


@contextmanager
def tmpfs():
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="cfb-") as name:
        path = Path(name) / STATE
        path.parent.mkdir(parents=True)
        path.write_text("running\n")
        yield name


def main():
    program, smallest, *rest = sys.argv[1:]
    rounds = rest[0] if rest else "31"
    with folder() as root, ScriptedEngine(root, "--containers=1") as engine, tmpfs() as memory, \
            smallest_mount(root / "smallest", smallest) as other, \
            timed_mount(root / "c", f"--engine={engine.url}") as (mount, _):
        assert mount.word(STATE) == "running"
        subprocess.run([program, rounds, mount.path, other, memory], check=True)


if __name__ == "__main__":
    main()
