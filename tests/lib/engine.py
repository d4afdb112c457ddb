# SPDX-License-Identifier: Apache-2.0
"""A private Docker Engine: own data, socket, containerd and configuration; the machine's own is not touched."""

import glob
import io
import json
import os
import signal
import subprocess
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path

from . import proc

DOCKERD = "/usr/sbin/dockerd"
DOCKER = "/usr/bin/docker"  # Debian's: another one may come first in PATH
BUSYBOX = "/bin/busybox"


class Engine:
    """root must be a short path, as a Unix socket's is limited to 107 bytes, in a folder with a unique name."""

    def __init__(self, root):
        self.root = Path(root)
        self.socket = self.root / "docker.sock"
        self.url = f"unix://{self.socket}"
        self.log = self.root / "dockerd.log"
        self.process = None
        self._cgroup = f"{self.root.parent.name}-{self.root.name}"
        (self.root / "config").mkdir(parents=True, exist_ok=True)
        self._settings = self.root / "daemon.json"
        self._settings.write_text(json.dumps({"deprecated-key-path": str(self.root / "key.json")}))
        self.env = proc.clean_env(self.root, DOCKER_CONFIG=self.root / "config")

    def _command(self):
        return [DOCKERD, "--config-file", self._settings, "--data-root", self.root / "data",
                "--exec-root", self.root / "exec", "--pidfile", self.root / "docker.pid", "-H", self.url,
                "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
                "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{self._cgroup}",
                "--shutdown-timeout", "5"]

    def start(self):
        # TERM, so that an engine whose test run was killed still ends its containers
        self.process = proc.Process(self._command(), self.log, self.env, death_signal=signal.SIGTERM)
        self.process.wait_ready(self.answers)
        return self

    def answers(self):
        """Whether it answers a request."""
        return proc.run([DOCKER, "-H", self.url, "version"], self.env, check=False).returncode == 0

    def stop(self):
        """An orderly stop; its containers end, its data stays."""
        if self.process:
            self.process.stop(timeout=30)

    def kill(self):
        """A crash.  The shims and the containers live on until the next start or close()."""
        self.process.kill()
        # the pids may belong to others by now, or to zombies that PID 1 does not reap: both look alive
        for pidfile in ("docker.pid", "exec/containerd/containerd.pid"):
            (self.root / pidfile).unlink(missing_ok=True)

    def restart(self):
        self.stop()
        return self.start()

    @contextmanager
    def frozen(self):
        """In the block it listens, but answers nothing."""
        self.process.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.signal(signal.SIGCONT)

    def close(self):
        """Stop it for good and leave no process, mount or control group."""
        self.stop()
        shims = proc.with_argument(str(self.root / "exec"))
        below = [entry for pid in shims for entry in proc.descendants(pid)]
        proc.kill_all([(pid, None) for pid in shims] + below)
        self._unmount()
        self._remove_cgroups()

    def _unmount(self):
        """What a killed engine leaves mounted."""
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            point = line.split()[1]
            if point.startswith(f"{self.root}/"):
                subprocess.run(["umount", "-l", point], check=False)

    def _remove_cgroups(self):
        for top in glob.glob(f"/sys/fs/cgroup/{self._cgroup}") + glob.glob(f"/sys/fs/cgroup/*/{self._cgroup}"):
            for path, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    pass  # a process on its way out; an empty group costs nothing

    def docker(self, *args, input=None, check=True, timeout=120):
        """Standard output of `docker ARGS` on this engine, without the last newline."""
        if args[0] in ("run", "create"):
            args = (args[0], "--pull", "never", *args[1:])  # there is no network to pull from
        binary = isinstance(input, bytes)
        done = proc.run([DOCKER, "-H", self.url, *args], self.env, check, input, timeout, binary)
        out = done.stdout.decode() if binary else done.stdout
        return out.rstrip("\n")

    def inspect(self, name, kind="container"):
        return json.loads(self.docker("inspect", "--type", kind, name))[0]

    def image_id(self, ref):
        return self.inspect(ref, "image")["Id"]

    def load(self, data):
        """`docker load` of bytes; its output."""
        return self.docker("load", input=data)

    def import_busybox(self, ref="busybox:latest"):
        """An image with busybox and its applets; nothing can be pulled in a test."""
        self.docker("import", "--change", 'CMD ["/bin/sh"]', "-", ref, input=busybox_tar())
        return ref

    def run(self, name, *command, options=(), image="busybox:latest"):
        """`docker run -d`; sleeps unless told otherwise.  KILL as stop signal: PID 1 ignores TERM."""
        return self.docker("run", "-d", "--name", name, "--network", "none", "--stop-signal", "KILL",
                           *options, image, *(command or ("sleep", "100000")))

    def grow(self, name, mebibytes):
        """Random data in a container: an image of it takes a while to move, and does not shrink."""
        self.docker("exec", name, "dd", "if=/dev/urandom", "of=/data", "bs=1M", f"count={mebibytes}")

    def actions(self, name, since):
        """What happened to a container since a time.time(), by the engine's event log."""
        now = self.docker("events", "--since", f"{since:.3f}", "--until", f"{time.time():.3f}",
                          "--filter", f"container={name}", "--format", "{{.Action}}")
        return now.split("\n")

    def has_image(self, ref):
        return self.docker("images", "-q", ref) != ""

    def state(self, name):
        return self.docker("inspect", "-f", "{{.State.Status}}", name)


def busybox_tar():
    """A root file system in a tar archive, made in memory."""
    out = io.BytesIO()
    applets = proc.run([BUSYBOX, "--list"], proc.clean_env("/")).stdout.split()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("proc", 0o755), ("tmp", 0o1777)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        tar.add(BUSYBOX, "bin/busybox")
        for applet in applets:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            if applet != "busybox":
                tar.addfile(entry)
    return out.getvalue()
