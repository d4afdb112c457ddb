# SPDX-License-Identifier: Apache-2.0
"""What the tests with scripted peers share: the contract's lists, children that may block, memory figures."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from . import proc, scripted_archive

STATUS_KEYS = ("job operation container image image-id target target-id state percent bytes total rate eta attempt "
               "started finished error").split()
CONTAINER_FILES = {"id", "image", "state", "created", "command", "inspect.json", "changes", "volumes", "commit", "push",
                   "status", "wait"}
IMAGE_FILES = {"id", "size", "created", "author", "comment", "container", "inspect.json", "state", "status", "progress",
               "wait", "push"}
JOB_FILES = {"state", "status", "progress", "wait", "log", "cancel"}
IMAGE_STATES = {"committing", "committed", "queued", "exporting", "uploading", "verifying", "active", "waiting",
                "failed", "cancelled"}

EXPORT = r"^GET .*/images/.*get"
UPLOAD = r"^PUT /v2/images/[^/]*/file"
CREATE = r"^POST /v2/images$"
EVENTS = r"^GET .*/events"
LIST = r"^GET .*/containers/json"


def no_auth(glance):
    """The variables with which OpenStack's own client talks to a service without Keystone."""
    return {"OS_AUTH_TYPE": "none", "OS_ENDPOINT": glance.url}


def image_of(data):
    """The image id in a docker-archive."""
    (config, _, _), = scripted_archive.load([data])
    return "sha256:" + scripted_archive.hashlib.sha256(config).hexdigest()


def spawn(*argv, **options):
    """A child that may hang in the mount: with a session of its own, and killed by blocked()."""
    return subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, start_new_session=True, text=True, **options)


@contextmanager
def blocked(children, settle=0.5):
    """Children that all must still be blocked after `settle` seconds; whatever is left in the end is killed."""
    try:
        time.sleep(settle)
        ended = [child for child in children if child.poll() is not None]
        assert not ended, f"{len(ended)} of {len(children)} ended: {ended[0].stdout.read()}"
        yield children
    finally:
        for child in children:
            kill_group(child)
        end = time.monotonic() + 10
        left = [child for child in children if not ended_before(child, end)]
        for child in children:
            child.stdout.close()
        assert not left, f"{len(left)} of {len(children)} cannot even be killed"


def kill_group(child):
    """A pipeline's other commands may hang longer than its shell."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def echo(text, path):
    """A shell whose `echo TEXT > PATH` may block."""
    return spawn("/bin/sh", "-c", 'echo "$1" > "$2"', "sh", text, path)


def interrupted(children, timeout=5):
    """Ctrl-C for all; AssertionError for those that live on."""
    for child in children:
        os.killpg(child.pid, signal.SIGINT)
    end = time.monotonic() + timeout
    left = [child for child in children if not ended_before(child, end)]
    assert not left, f"{len(left)} of {len(children)} outlive Ctrl-C by {timeout} s"


def ended_before(child, end):
    try:
        child.wait(max(0, end - time.monotonic()))
        return True
    except subprocess.TimeoutExpired:
        return False


def memory(pid, key="VmHWM"):
    """Bytes: VmHWM is the highest resident size so far, VmRSS the present one."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def measurable(command):
    """Whether memory figures of that command mean anything: not under valgrind or a sanitizer."""
    return len(command) == 1 and b"__asan_init" not in Path(command[0]).read_bytes()


def within(seconds, what, call):
    """call(), which must not take longer; the bound is for a noisy machine, what is promised is less."""
    start = time.monotonic()
    result = call()
    took = time.monotonic() - start
    assert took < seconds, f"{what} took {took:.1f} s"
    return result


wait_until = proc.wait_until
