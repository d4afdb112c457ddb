# SPDX-License-Identifier: Apache-2.0
"""The tree follows the engine: what `docker` shows, the files show within two seconds."""

import calendar
import json
import os
import time

import pytest
from lib.mount import fails_with

FILES = ["changes", "command", "commit", "created", "id", "image", "inspect.json", "on-exit", "push", "state", "status",
         "volumes", "wait"]


def test_the_top(web, tree):
    assert {"README", "status", "containers", "images", "jobs"} <= set(tree.list())
    assert "containers/" in tree.read("README")


def test_values_are_the_engine_s(engine, web, tree):
    inspected = engine.inspect("web")
    assert tree.word("containers/web/id") == inspected["Id"]
    assert tree.word("containers/web/state") == "running"
    assert tree.word("containers/web/image").startswith("busybox")
    assert tree.word("containers/web/command").startswith("sh")
    assert tree.word("containers/web/created")[:19] == inspected["Created"][:19]
    assert json.loads(tree.read("containers/web/inspect.json"))["Id"] == inspected["Id"]


def test_the_directory_s_time_is_the_container_s(engine, web, tree):
    created = calendar.timegm(time.strptime(engine.inspect("web")["Created"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert abs(os.stat(tree.path / "containers/web").st_mtime - created) <= 1


def test_changes_and_volumes(engine, tree):
    engine.run("web", "sh", "-c", "echo 1 >/new; rm /etc/passwd 2>/dev/null; exec sleep 100000", options=("-v", "/data"))
    tree.appears("containers/web")
    assert "A /new" in tree.read("containers/web/changes").splitlines()
    assert tree.read("containers/web/volumes").splitlines() == ["/data"]


def test_a_container_s_life(engine, tree):
    engine.docker("create", "--name", "web", "--network", "none", "--stop-signal", "KILL", "busybox", "sleep", "1000")
    tree.becomes("containers/web/state", "created")
    assert tree.list("containers") == ["web"]
    for action, state in (("start", "running"), ("pause", "paused"), ("unpause", "running"), ("stop", "exited")):
        engine.docker(action, "web")
        tree.becomes("containers/web/state", state)
    engine.docker("rename", "web", "api")
    tree.appears("containers/api")
    tree.vanishes("containers/web")
    assert tree.list("containers") == ["api"]
    engine.docker("rm", "api")
    tree.vanishes("containers/api")
    assert tree.list("containers") == []


def test_a_container_that_ends_by_itself(engine, tree):
    engine.run("brief", "sleep", "1.5")
    tree.becomes("containers/brief/state", "running")
    tree.becomes("containers/brief/state", "exited", timeout=4)


def test_an_image_s_life(engine, tree):
    engine.docker("tag", "busybox:latest", "team/other:2")
    tree.appears("images/team%2Fother:2")
    assert tree.word("images/team%2Fother:2/id") == engine.image_id("busybox")
    assert "team%2Fother:2" in tree.list("images")
    engine.docker("rmi", "team/other:2")
    tree.vanishes("images/team%2Fother:2")
    assert "team%2Fother:2" not in tree.list("images")


def test_a_tag_that_moves(engine, web, tree):
    engine.docker("tag", "busybox:latest", "moving:1")
    tree.becomes("images/moving:1/id", engine.image_id("busybox"))
    engine.docker("commit", "web", "moving:1")
    tree.becomes("images/moving:1/id", engine.image_id("moving:1"))


def test_image_values(engine, web, tree):
    engine.docker("commit", "-a", "somebody", "-m", "a note", "web", "noted:1")
    tree.appears("images/noted:1")
    inspected = engine.inspect("noted:1", "image")
    assert tree.word("images/noted:1/author") == "somebody"
    assert tree.word("images/noted:1/comment") == "a note"
    assert tree.word("images/noted:1/size") == str(inspected["Size"])
    assert tree.word("images/noted:1/created")[:19] == inspected["Created"][:19]


def test_latest_is_implied_but_not_listed(engine, tree):
    assert tree.word("images/busybox/id") == engine.image_id("busybox")
    assert tree.list("images") == ["busybox:latest"]


@pytest.mark.parametrize("length", [64, 12, 5])
def test_lookup_by_id(engine, web, tree, length):
    short = engine.inspect("web")["Id"][:length]
    assert tree.word(f"containers/{short}/state") == "running"
    assert tree.list("containers") == ["web"]
    engine.docker("pause", "web")
    tree.becomes(f"containers/{short}/state", "paused")


def test_an_ambiguous_or_unknown_id(engine, tree):
    ids = []
    while not any(ids.count(first) > 1 for first in ids):  # 17 at most, until two begin alike
        ids.append(engine.docker("create", "busybox")[0])
    twice = next(first for first in ids if ids.count(first) > 1)
    tree.appears(f"containers/{engine.docker('ps', '-alq', '--no-trunc')}")
    assert not tree.exists(f"containers/{twice}")
    assert not tree.exists("containers/" + "f" * 63 + "x")


def test_the_files_of_a_container(web, tree):
    assert set(FILES) - {"on-exit"} <= set(tree.list("containers/web"))


def test_read_only(web, mount):
    tree = mount(None, "--ro")
    assert tree.word("containers/web/state") == "running"
    for control in ("commit", "push"):
        assert not tree.exists(f"containers/web/{control}")
    with fails_with("EROFS", "EPERM", "EACCES", "ENOENT"):
        tree.write("containers/web/commit", "foo-image")
