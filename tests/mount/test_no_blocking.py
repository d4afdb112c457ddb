# SPDX-License-Identifier: Apache-2.0
"""No request blocks another, and whoever waits can be told to stop."""

import os
import subprocess
import threading

import pytest

from lib.proc import wait_until
from lib.scripted import CREATE, blocked, echo, interrupted, no_auth, spawn, within

MANY = 100
SOON = 2    # seconds; one is promised, the machine may be busy


def look(tree, containers, state="running"):
    """What must go on whatever else hangs."""
    assert within(SOON, "ls", lambda: tree.list("containers")) == containers
    assert within(SOON, "cat state", lambda: tree.word("containers/web/state")) == state
    within(SOON, "cat status", lambda: tree.keyed("status"))
    within(SOON, "ls of an image", lambda: tree.list("images/busybox:latest"))
    within(SOON, "stat", lambda: os.stat(tree.path / "containers/web/push"))
    everything = ["ls", "-lR", tree.path / "containers"]
    within(2 * SOON, "ls -lR", lambda: subprocess.run(everything, stdout=subprocess.DEVNULL, timeout=20, check=True))


@pytest.fixture
def crowd(engine, web, glance, mount):
    """A mount with a hundred containers, and a service that died with its connections open."""
    engine.add_containers(MANY, quiet=True)
    tree = mount(**no_auth(glance))
    glance.deaf = True
    return tree


def names(tree):
    return [name for name in tree.list("containers") if name != "web"]


def test_the_tree_answers_while_a_hundred_writers_are_stuck(crowd, engine):
    everyone = crowd.list("containers")
    with blocked([echo("busybox", crowd.path / f"containers/{name}/push") for name in names(crowd)], 1):
        look(crowd, everyone)


def test_the_tree_answers_while_writers_and_waiters_are_stuck(crowd, engine):
    engine.commit_gate = threading.Event()
    for name in names(crowd)[:50]:
        crowd.write(f"containers/{name}/commit", f"{name}:1")
    everyone = crowd.list("containers")
    writers = [echo("busybox", crowd.path / f"containers/{name}/push") for name in names(crowd)[50:]]
    waiters = [spawn("cat", crowd.path / f"containers/{name}/wait") for name in names(crowd)[:50]]
    with blocked(writers + waiters, 1):
        look(crowd, everyone)
        interrupted(writers + waiters)


def test_a_hundred_writers_of_one_file_are_stuck_alone(crowd):
    """The kernel must not line them up behind the first: each can be interrupted."""
    everyone = crowd.list("containers")
    with blocked([echo("busybox", crowd.path / "containers/web/push") for _ in range(MANY)], 1) as children:
        look(crowd, everyone)
        interrupted(children)


def test_a_hundred_waiters_on_one_file_are_stuck_alone(crowd, engine):
    engine.commit_gate = threading.Event()
    crowd.write("containers/web/commit", "foo:1")
    crowd.becomes("containers/web/state", "paused", 5)
    everyone = crowd.list("containers")
    with blocked([spawn("cat", crowd.path / "containers/web/wait") for _ in range(MANY)], 1) as children:
        look(crowd, everyone, "paused")
        interrupted(children[:MANY // 2])
        engine.commit_gate.set()
        for child in children[MANY // 2:]:
            assert child.wait(10) == 0


def test_the_tree_answers_while_the_engine_does_not(engine, web, mount):
    engine.add_containers(20, quiet=True)
    tree = mount()
    everyone = tree.list("containers")
    engine.deaf = True
    readers = [spawn("cat", tree.path / f"containers/{name}/changes") for name in everyone]
    readers += [spawn("cat", tree.path / f"containers/{name}/inspect.json") for name in everyone]
    writers = [echo("foo", tree.path / f"containers/{name}/commit") for name in everyone]
    try:
        look(tree, everyone)
        with blocked(readers, 0):
            look(tree, everyone)
            interrupted(readers)
    finally:
        for child in writers:
            child.kill()
            child.wait(30)
            child.stdout.close()


@pytest.mark.parametrize("way", ["sh", "tee", "dd"])
def test_ctrl_c_ends_a_blocked_writer(cloud, glance, way):
    glance.deaf = True
    words = {"sh": 'echo busybox > "$1"', "tee": 'echo busybox | tee "$1"', "dd": 'echo busybox | dd of="$1"'}[way]
    child = spawn("/bin/sh", "-c", words, "sh", cloud.path / "containers/web/push")
    with blocked([child]):
        interrupted([child])
        assert child.returncode != 0


def test_ctrl_c_ends_a_waiter(cloud, engine):
    engine.commit_gate = threading.Event()
    cloud.write("containers/web/commit", "foo:1")
    with blocked([spawn("cat", cloud.path / "containers/web/wait")]) as children:
        interrupted(children)
    engine.commit_gate.set()
    assert cloud.finish("containers/web")["state"] == "committed"


@pytest.mark.parametrize("name", ["changes", "inspect.json"])
def test_ctrl_c_ends_a_reader_of_a_silent_engine(tree, engine, name):
    engine.fault("^GET .*/(changes|json)", times=None, silent=True)
    with blocked([spawn("cat", tree.path / "containers/web" / name)]) as children:
        interrupted(children)


def test_kill_ends_a_blocked_writer(cloud, glance):
    glance.deaf = True
    child = echo("busybox", cloud.path / "containers/web/push")
    with blocked([child]):
        child.kill()
        child.wait(5)


def test_an_interrupted_write_leaves_no_request_behind(cloud, glance):
    """The user was told that nothing was accepted."""
    silent = glance.fault(CREATE, silent=True)
    with blocked([echo("busybox", cloud.path / "containers/web/push")]) as children:
        wait_until(lambda: silent.hits, 5, "the service is asked")
        interrupted(children)
    cloud.write("containers/web/push", "busybox to=glance:after")
    cloud.finish("images/busybox:latest")
    assert glance.records("busybox") == []
    assert glance.only("after").status == "active"


def test_an_interrupted_request_hangs_up(cloud, glance):
    silent = glance.fault(CREATE, silent=True)
    with blocked([echo("busybox", cloud.path / "containers/web/push")]) as children:
        wait_until(lambda: silent.hits, 5, "the service is asked")
        interrupted(children)
        wait_until(lambda: glance.seen(CREATE)[0].client_gone, 5, "the connection is closed")


def test_when_the_service_is_back_all_goes_on(crowd, glance):
    children = [echo(f"busybox to=glance:n{n}", crowd.path / f"containers/{name}/push")
                for n, name in enumerate(names(crowd)[:10])]
    with blocked(children):
        glance.deaf = False
        glance.drop_connections()
        ends = [child.wait(20) for child in children]
    crowd.write("containers/web/push", "busybox to=glance:last")
    assert crowd.finish("containers/web")["state"] == "active"
    assert all(r.name == "last" or ends[int(r.name[1:])] == 0 for r in glance.records())


def test_a_slow_push_holds_up_no_other(cloud, engine, glance):
    engine.add_image("slow:1", size=2_000_000)
    cloud.appears("images/slow:1")
    engine.fault("^GET .*/images/.*get", stall_after=1_000_000)
    cloud.write("images/slow:1/push", "")
    cloud.becomes("images/slow:1/state", "uploading", 5)
    cloud.write("images/busybox:latest/push", "")
    assert cloud.finish("images/busybox:latest")["state"] == "active"
