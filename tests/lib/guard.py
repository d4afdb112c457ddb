# SPDX-License-Identifier: Apache-2.0
"""What every test of a mount gets: a watchdog, and the mount's log beside a failure."""

import threading

import pytest

from lib.mount import Mount

TEST_SECONDS = 90   # longer than any test takes, even with sanitizers


@pytest.fixture(autouse=True)
def watchdog():
    """A call that hangs in the mount cannot be interrupted for certain; killing the program always frees it."""
    def bite():
        for mounted in list(Mount.active):
            mounted.process.signal(9)

    timer = threading.Timer(TEST_SECONDS, bite)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure comes with the mount's log."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for mounted in Mount.active:
            report.sections.append((f"log of {mounted.path}", mounted.process.log_tail(60)))
