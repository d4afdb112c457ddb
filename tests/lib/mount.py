# SPDX-License-Identifier: Apache-2.0
"""The program under test: a mount of its own, watched for noise, and plain calls on its files.

COMMITFS names the binary, and may be a whole command (`valgrind -q build/commitfs`); without it
build/commitfs in the source tree is used.
"""

import errno
import os
import re
import shlex
import shutil
from contextlib import contextmanager
from pathlib import Path

from . import proc

SOURCE = Path(__file__).resolve().parents[2]
NOISE = re.compile(r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|LeakSanitizer: detected|runtime error:"
                   r"|UndefinedBehaviorSanitizer|Assertion .* failed|==\d+== +(?:Invalid|Conditional jump|Use of uninit)")


def command():
    """The words of the command under test."""
    words = shlex.split(os.environ.get("COMMITFS", str(SOURCE / "build/commitfs")))
    if shutil.which(words[-1]) is None:
        raise RuntimeError(f"{words[-1]}: no such program; build it, or name it in COMMITFS")
    return words


def environment(home, credentials=None, **extra):
    """What the program sees: nothing of the user's, the credentials, and sanitizers that say where."""
    env = proc.clean_env(home, ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
    env.update(credentials.env() if credentials else {})
    env.update({key: str(value) for key, value in extra.items()})
    return env


def is_mounted(path):
    """Reads the kernel's list: a stat() could hang on the very mount that is asked for."""
    points = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return str(path) in points


class Mount:
    """`with Mount(root, "--engine=…", env=…) as m:` mounts on root/mnt with its state under root/state.

    Leaving the block unmounts, and fails unless the program ends by itself, with 0, and was quiet.
    """

    active = set()  # for a watchdog: killing the program frees whoever hangs in a call to it

    def __init__(self, root, *options, env=None):
        self.root = Path(root)
        self.path = self.root / "mnt"
        self.state = self.root / "state"
        self.log = self.root / "commitfs.log"
        self.options = list(options)
        self.env = env if env is not None else environment(self.root)
        self.process = None
        for folder in (self.path, self.state):
            folder.mkdir(parents=True, exist_ok=True)

    def argv(self):
        return [*command(), "-f", f"--state={self.state}", *self.options, str(self.path)]

    def start(self, timeout=30):
        self.process = proc.Process(self.argv(), self.log, self.env)
        Mount.active.add(self)
        try:
            self.process.wait_ready(lambda: is_mounted(self.path), timeout)
        except BaseException:
            self.abort()
            raise
        return self

    def stop(self, timeout=30):
        """Unmount; raises AssertionError for whatever was not as it should be."""
        Mount.active.discard(self)
        problems = self._unmount()
        status = self.process.wait(timeout)
        if status is None:
            problems.append(f"still running {timeout} s after the unmount")
        elif status != 0:
            problems.append(f"exit status {status}")
        self.abort()
        problems += self.noise()
        assert not problems, "\n".join(problems + ["log:", self.process.log_tail(60)])

    def _unmount(self):
        if not self.process.alive():
            return ["it ended before the unmount"]
        for lazy in ([], ["-z"]):
            done = proc.run(["fusermount3", "-u", *lazy, self.path], self.env, check=False)
            if done.returncode == 0:
                return ["unmounted only lazily: somebody still used it"] if lazy else []
        return [f"fusermount3: {done.stderr.strip()}"]

    def crash(self):
        """kill -9, and the dead mount removed; start() mounts again on the same state."""
        self.abort()

    def abort(self):
        """End it by force and leave no mount, whatever state it is in."""
        Mount.active.discard(self)
        if self.process:
            self.process.kill()
        if is_mounted(self.path):
            proc.run(["fusermount3", "-u", "-z", self.path], self.env, check=False)

    def noise(self):
        """Lines of the log that no run may have."""
        return [line for line in self.process.log_text().splitlines() if NOISE.search(line)]

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
            return
        try:
            self.stop()
        except AssertionError as error:  # the test's own failure is the one to see first
            value.add_note(f"and at the unmount: {error}")

    # --- plain calls; every failure is an OSError with its errno

    def read(self, path):
        """A file's text."""
        with open(self.path / path, encoding="utf-8") as file:
            return file.read()

    def word(self, path):
        """A one-value file, without its newline."""
        return self.read(path).removesuffix("\n")

    def keyed(self, path):
        """A flat keyed file as a dict, in its order."""
        return parse_keyed(self.read(path))

    def write(self, path, text, newline=True):
        """What `echo TEXT > PATH` does."""
        fd = os.open(self.path / path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, (text + ("\n" if newline else "")).encode())
        except BaseException:
            close_quietly(fd)
            raise
        os.close(fd)  # a request without a newline runs, and may fail, here

    def list(self, path=""):
        return sorted(os.listdir(self.path / path))

    def exists(self, path):
        try:
            os.lstat(self.path / path)
        except FileNotFoundError:
            return False
        return True

    def finish(self, path):
        """Wait until no job is left on an object and return its final status; OSError if it failed."""
        return parse_keyed(self.read(f"{path}/wait"))

    def becomes(self, path, wanted, timeout=2.0):
        """Until a one-value file says `wanted`."""
        try:
            proc.wait_until(lambda: self._word_or_none(path) == wanted, timeout)
        except proc.Timeout:
            raise proc.Timeout(f"{path} is {self._word_or_none(path)!r}, not {wanted!r} within {timeout} s") from None

    def _word_or_none(self, path):
        try:
            return self.word(path)
        except FileNotFoundError:
            return None

    def appears(self, path, timeout=2.0):
        return proc.wait_until(lambda: self.exists(path), timeout, f"{path} is there")

    def vanishes(self, path, timeout=2.0):
        return proc.wait_until(lambda: not self.exists(path), timeout, f"{path} is gone")


def parse_keyed(text):
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}


def close_quietly(fd):
    try:
        os.close(fd)
    except OSError:
        pass


@contextmanager
def fails_with(*names):
    """The block must raise an OSError with one of these errnos, given by name: fails_with("EINVAL")."""
    try:
        yield
    except OSError as error:
        got = errno.errorcode.get(error.errno, str(error.errno))
        assert got in names, f"{got} ({error}), wanted {' or '.join(names)}"
    else:
        raise AssertionError(f"it succeeded, wanted {' or '.join(names)}")
