# SPDX-License-Identifier: Apache-2.0
"""PID 1 of a test run's own namespaces: sandbox.py SECONDS COMMAND…

`unshare --mount --net --pid --fork --kill-child --mount-proc python3 sandbox.py 600 pytest …` gives the tests
a loopback network, a /run and a mount table of their own, so that they cannot meet the machine's servers, and
nothing outlives them.  What they leave running or mounted is said, and is a failure: exit status 97.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LEFTOVERS, TOO_LONG = 97, 124
GRACE_SECONDS = 5  # for processes that are on their way out


def mounts():
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def others():
    """[(pid, command)] of everything but this process and zombies."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                command = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            if command:  # a zombie has none
                found.append((int(name), command.replace(b"\0", b" ").decode(errors="replace").strip()))
    return found


def reap():
    """Take every ended orphan; PID 1 is the parent of all."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wait(child, seconds):
    """The exit status of the command, while orphans are reaped.  INT at the end of time, so that it can clean up."""
    deadline = time.monotonic() + seconds
    status = None
    while status is None:
        pid, code = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            status = os.waitstatus_to_exitcode(code)
        elif time.monotonic() > deadline + 60:
            return TOO_LONG
        elif time.monotonic() > deadline and seconds:
            print(f"longer than {seconds} s: interrupted", flush=True)
            os.kill(child, signal.SIGINT)
            seconds = 0
        elif pid == 0:
            time.sleep(0.05)
    return status if status >= 0 else 128 - status


def leftovers(mounted_before):
    deadline = time.monotonic() + GRACE_SECONDS
    while others() and time.monotonic() < deadline:
        reap()
        time.sleep(0.1)
    found = [f"still running: {pid} {command}" for pid, command in others()]
    return found + [f"still mounted: {point}" for point in mounts() if point not in mounted_before]


def main():
    seconds, command = int(sys.argv[1]), sys.argv[2:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    before = mounts()
    child = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGINT])
    status = wait(child, seconds)
    found = leftovers(before)
    print("\n".join(found), end="\n" if found else "", flush=True)
    return status or (LEFTOVERS if found else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the command as well
    sys.exit(main())
