# SPDX-License-Identifier: Apache-2.0
"""Servers for the live tests, started when a test first asks for them and stopped at the end of the run."""

import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.engine import Engine  # noqa: E402
from lib.guard import pytest_runtest_makereport, watchdog  # noqa: E402,F401
from lib.mount import Mount, environment  # noqa: E402
from lib.openstack import NEW_RULES, Credentials, Glance, Keystone  # noqa: E402


@pytest.fixture(scope="session")
def root():
    """One folder for everything; its path is short because sockets live in it."""
    path = Path(tempfile.mkdtemp(prefix="cfs-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def closing(server):
    try:
        yield server.start()
    finally:
        server.close()


# --- engines

@pytest.fixture(scope="session")
def engine_server(root):
    engine = Engine(root / "e")
    try:
        engine.start().import_busybox()
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def second_engine(root):
    """Another host: what is loaded here cannot have come from the first one's store."""
    yield from closing(Engine(root / "e2"))


@pytest.fixture
def engine(engine_server):
    """The engine, with nothing but the busybox image before and after a test."""
    yield engine_server
    if not engine_server.process.alive():
        engine_server.start()
    tidy(engine_server)


def tidy(engine):
    containers = engine.docker("ps", "-aq").split()
    if containers:
        engine.docker("rm", "-f", "-v", *containers, check=False)
    tags = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    tags = [tag for tag in tags if tag != "busybox:latest" and "<none>" not in tag]
    if tags:  # by name: an id would take busybox's other names along
        engine.docker("rmi", "-f", *tags, check=False)
    engine.docker("image", "prune", "-f")


@pytest.fixture
def web(engine):
    """A running container called `web` with a file of its own."""
    engine.run("web", "sh", "-c", "echo hello >/mark; exec sleep 100000")
    return "web"


# --- the cloud

@pytest.fixture(scope="session")
def keystone(root):
    server = Keystone(root / "k")
    try:
        yield server.start().seed()
    finally:
        server.close()


@pytest.fixture(scope="session")
def short_keystone(keystone):
    """The same identity service, but its tokens live 8 seconds."""
    yield from closing(keystone.with_expiration(8))


def in_region(keystone, server, region):
    keystone.add_endpoint(server.url, region)
    yield from closing(server)


@pytest.fixture(scope="session")
def glance(root, keystone):
    yield from in_region(keystone, Glance(root / "g", keystone), "RegionOne")


@pytest.fixture(scope="session")
def strict_glance(root, keystone):
    """Takes no image over 1,000,000 bytes, and follows the newer role rules."""
    settings = {**NEW_RULES, "DEFAULT": {**NEW_RULES["DEFAULT"], "image_size_cap": 1000000}}
    yield from in_region(keystone, Glance(root / "gs", keystone, settings), "strict")


@pytest.fixture(scope="session")
def quota_glance(root, keystone):
    settings = {"DEFAULT": {"user_storage_quota": "300KB"}}
    yield from in_region(keystone, Glance(root / "gq", keystone, settings), "quota")


@pytest.fixture(scope="session")
def full_glance(root, keystone):
    """Its store is a file system of 1 MiB."""
    yield from in_region(keystone, Glance(root / "gf", keystone, store_size="1m"), "full")


@pytest.fixture(scope="session")
def open_glance(root):
    """Asks nobody for a token."""
    yield from closing(Glance(root / "go"))


@pytest.fixture
def demo(keystone, glance):
    """The ordinary user of the ordinary cloud."""
    return Credentials.password(keystone)


# --- mounts

@pytest.fixture
def mount(root, engine):
    """mount(credentials, options…): mounted until the test's end, which fails if the program made noise."""
    mounts = []
    numbers = itertools.count()
    base = Path(tempfile.mkdtemp(prefix="m-", dir=root))

    def make(credentials=None, *options, **env):
        home = base / str(next(numbers))
        mounted = Mount(home, f"--engine={engine.url}", *options, env=environment(home, credentials, **env))
        mounts.append(mounted)
        return mounted.start()

    yield make
    problems = []
    for mounted in mounts:
        if mounted in Mount.active:
            try:
                mounted.stop()
            except AssertionError as error:
                problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def tree(mount):
    """A mount without a cloud."""
    return mount()


@pytest.fixture
def cloud(mount, demo):
    """A mount whose pushes go to the ordinary Glance."""
    return mount(demo)
