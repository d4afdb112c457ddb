# SPDX-License-Identifier: Apache-2.0
"""A real mount against scripted peers: each test has an engine, a service and a mount of its own."""

import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.guard import pytest_runtest_makereport, watchdog  # noqa: E402,F401
from lib.mount import Mount, environment  # noqa: E402
from lib.scripted import no_auth  # noqa: E402
from lib.scripted_engine import ScriptedEngine  # noqa: E402
from lib.scripted_glance import ScriptedGlance  # noqa: E402
from lib.scripted_keystone import ScriptedKeystone  # noqa: E402


@pytest.fixture
def folder():
    """Short, because sockets live in it."""
    path = Path(tempfile.mkdtemp(prefix="cfm-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def engine(folder):
    """An engine with the image busybox:latest and nothing else."""
    with ScriptedEngine(folder / "e.sock") as server:
        server.add_image("busybox:latest", size=200_000, quiet=True)
        yield server
        release(server)


@pytest.fixture
def web(engine):
    """A running container called `web`."""
    return engine.add_container("web", quiet=True, command=["sleep", "1000"], env=["SECRET=hunter2"],
                                mounts=["/data", "/var/lib/x"], labels={"k": "v"},
                                changes=[(1, "/new"), (0, "/bin"), (2, "/bin/touch")])


@pytest.fixture
def glance():
    """An image service that asks nobody for a token."""
    with ScriptedGlance() as server:
        yield server
        release(server)


@pytest.fixture
def keystone(glance):
    """An identity service, of which `glance` then asks for tokens."""
    with ScriptedKeystone(glance.url) as server:
        glance.keystone = server
        yield server
        release(server)


def release(server):
    """Nothing waits any more for what a test withheld."""
    server.clear_faults()
    gate = getattr(server, "commit_gate", None)
    if gate:
        gate.set()


@pytest.fixture
def mount(folder, engine, request):
    """mount(options…, VARIABLE=…): mounted until the test's end, which fails if the program made noise."""
    mounts = []
    numbers = itertools.count()

    def make(*options, **env):
        home = folder / str(next(numbers))
        mounted = Mount(home, f"--engine={engine.url}", *options, env=environment(home, **env))
        mounts.append(mounted)
        return mounted.start()

    yield make
    problems = []
    for name in {"engine", "glance", "keystone"} & set(request.fixturenames):
        server = request.getfixturevalue(name)
        release(server)
        server.drop_connections()
    for mounted in mounts:
        if mounted in Mount.active:
            try:
                mounted.stop()
            except AssertionError as error:
                problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def tree(web, mount):
    """A mount without a cloud; pushes go to the embedded target."""
    return mount()


@pytest.fixture
def cloud(web, glance, mount):
    """A mount whose pushes go to `glance`, which wants no token."""
    return mount(**no_auth(glance))


@pytest.fixture
def keyed(web, keystone, mount):
    """A mount whose pushes go to `glance` with a token of `keystone`."""
    return mount(**keystone.environment())
