# SPDX-License-Identifier: Apache-2.0
"""Large images in little memory; ten thousand containers at no cost to the engine."""

import os

import pytest

from lib.mount import command
from lib.proc import wait_until
from lib.scripted import EVENTS, measurable, memory, no_auth, spawn, within

MIB = 1 << 20


@pytest.fixture
def measured():
    if not measurable(command()):
        pytest.skip("memory means nothing under a sanitizer or valgrind")


@pytest.fixture
def ten_thousand(engine):
    return engine.add_containers(10_000)


def test_memory_does_not_grow_with_the_image(measured, web, engine, glance, mount):
    glance.keep_data = False
    engine.add_image("small:1", size=4 * MIB, quiet=True)
    engine.add_image("large:1", size=512 * MIB, quiet=True, seed=1)
    tree = mount(**no_auth(glance))
    tree.write("images/small:1/push", "")
    tree.finish("images/small:1")
    before = memory(tree.process.pid)
    tree.write("images/large:1/push", "")
    assert tree.finish("images/large:1")["state"] == "active"
    after = memory(tree.process.pid)
    assert glance.only("large").size > 512 * MIB
    assert after - before < 8 * MIB
    assert after < 48 * MIB


def test_ten_thousand_containers_are_listed(ten_thousand, mount):
    tree = mount()
    assert len(tree.list("containers")) == 10_000
    assert tree.word("containers/c09999/state") == "running"


def test_listing_costs_the_engine_nothing(ten_thousand, engine, mount):
    tree = mount()
    tree.list()
    before = engine.count()
    child = spawn("ls", "-l", tree.path / "containers")
    lines = within(20, "ls -l", lambda: child.communicate()[0]).splitlines()
    assert len([line for line in lines if " c0" in line]) == 10_000
    for name in ("c00000", "c05000", "c09999"):
        tree.word(f"containers/{name}/state")
        tree.keyed(f"containers/{name}/status")
        os.stat(tree.path / "containers" / name)
    assert engine.count() == before


def test_ten_thousand_containers_fit_in_48_mib(measured, ten_thousand, mount):
    tree = mount()
    assert len(tree.list("containers")) == 10_000
    assert memory(tree.process.pid, "VmRSS") < 48 * MIB


def test_the_engine_is_asked_for_one_list_at_start(ten_thousand, engine, mount):
    mount()
    assert engine.count(r"^GET .*/containers/json") <= 2
    assert engine.count(r"^GET .*/containers/[0-9a-f]+/json") == 0
    assert engine.count(EVENTS) == 1


def test_a_thousand_events_among_ten_thousand_are_followed(ten_thousand, engine, mount):
    tree = mount()
    tree.list("containers")
    engine.churn(1000)
    wait_until(lambda: tree.word("containers/c00999/state") == "exited", 10, "the last event")
    assert tree.word("containers/c01000/state") == "running"
    assert all(tree.word(f"containers/c{n:05d}/state") == "exited" for n in range(0, 1000, 50))


def test_ten_thousand_containers_that_go_are_gone(ten_thousand, engine, mount):
    tree = mount()
    assert len(tree.list("containers")) == 10_000
    with engine.lock:
        engine.drop_streams()
        for container in ten_thousand[10:]:
            del engine.containers[container.id], engine.names[container.name]
    wait_until(lambda: len(tree.list("containers")) == 10, 15, "ten are left")


def test_a_changes_answer_of_many_megabytes_is_shown_whole(engine, mount):
    engine.add_container("busy", quiet=True, changes=[(1, f"/some/where/file-{n}") for n in range(100_000)])
    text = mount().read("containers/busy/changes")
    assert text.count("\n") == 100_000 and text.endswith("A /some/where/file-99999\n")
