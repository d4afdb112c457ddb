# SPDX-License-Identifier: Apache-2.0
"""What is in the tree, and what it says."""

import json
import os

import pytest

from lib.mount import fails_with
from lib.scripted import CONTAINER_FILES, IMAGE_FILES, IMAGE_STATES, STATUS_KEYS
from lib.scripted_model import stamp

LATER = {"rootfs", "snapshots", "on-exit", "restore"}   # of the contract, where they are built


def same_second(text, nanoseconds):
    return text[:19] == stamp(nanoseconds)[:19] and text.endswith("Z")


def test_root_lists_the_folders_and_two_files(tree):
    names = set(tree.list())
    assert {"README", "status", "containers", "images", "jobs"} <= names
    assert names - {"README", "status", "containers", "images", "jobs", "glance"} == set()


def test_readme_describes_the_tree_in_about_thirty_lines(tree):
    text = tree.read("README")
    assert len(text.splitlines()) <= 60
    for word in ("containers", "images", "jobs", "commit", "push"):
        assert word in text


def test_status_names_engine_store_and_jobs(tree):
    status = tree.keyed("status")
    assert list(status)[:2] == ["engine", "engine-version"]
    assert {"store", "store-state", "jobs-running", "jobs-queued", "error"} <= set(status)
    assert "e.sock" in status["engine"]
    assert status["engine-version"] == "20.10.24+dfsg1"
    assert (status["jobs-running"], status["jobs-queued"], status["error"]) == ("0", "0", "")
    assert status["store"] == "dir"


def test_a_configured_cloud_becomes_the_store(cloud):
    assert cloud.keyed("status")["store"] == "glance"


def test_a_container_has_every_file(tree):
    names = set(tree.list("containers/web"))
    assert CONTAINER_FILES <= names
    assert names - CONTAINER_FILES <= LATER


def test_values_of_a_container(tree, web):
    assert tree.word("containers/web/id") == web.id
    assert tree.word("containers/web/image") == "busybox:latest"
    assert tree.word("containers/web/state") == "running"
    assert tree.word("containers/web/command") == "sleep 1000"
    assert same_second(tree.word("containers/web/created"), web.created)


@pytest.mark.parametrize("state", ["created", "paused", "restarting", "exited", "dead", "removing"])
def test_state_is_the_engines_word(engine, mount, state):
    engine.add_container("c", state=state, quiet=True)
    assert mount().read("containers/c/state") == state + "\n"


def test_every_value_ends_in_exactly_one_newline(tree):
    for name in ("id", "image", "state", "created", "command"):
        text = tree.read(f"containers/web/{name}")
        assert text.endswith("\n") and text.count("\n") == 1, name
    for name in ("id", "size", "created", "author", "comment", "container", "state"):
        text = tree.read(f"images/busybox:latest/{name}")
        assert text.count("\n") == 1 and text.endswith("\n"), name


def test_inspect_is_the_engines_own_answer(tree, web, engine):
    assert json.loads(tree.read("containers/web/inspect.json")) == web.inspect()
    image = engine.find_image("busybox")
    assert json.loads(tree.read("images/busybox:latest/inspect.json")) == image.inspect()


def test_changes_lists_what_a_commit_would_add(tree):
    assert tree.read("containers/web/changes").splitlines() == ["A /new", "C /bin", "D /bin/touch"]


def test_changes_of_an_unchanged_container_is_empty(engine, mount):
    engine.add_container("plain", quiet=True)
    assert mount().read("containers/plain/changes") == ""


def test_volumes_lists_what_a_commit_would_leave_out(tree):
    assert tree.read("containers/web/volumes").splitlines() == ["/data", "/var/lib/x"]


def test_status_has_every_key_in_order_before_any_job(tree):
    for path in ("containers/web/status", "images/busybox:latest/status"):
        status = tree.keyed(path)
        assert list(status) == STATUS_KEYS
        assert status["job"] == status["error"] == ""


def test_wait_returns_at_once_where_no_job_is_left(tree):
    assert list(tree.finish("containers/web")) == STATUS_KEYS


def test_an_image_has_every_file(tree):
    names = set(tree.list("images/busybox:latest"))
    assert IMAGE_FILES <= names
    assert names - IMAGE_FILES <= LATER


def test_values_of_an_image(engine, web, mount):
    image = engine.commit(web, "foo:1", author="A B <a@b.example>", comment="why not")
    tree = mount()
    assert tree.word("images/foo:1/id") == image.id
    assert tree.word("images/foo:1/size") == str(image.size)
    assert tree.word("images/foo:1/author") == "A B <a@b.example>"
    assert tree.word("images/foo:1/comment") == "why not"
    assert tree.word("images/foo:1/container") in (web.id, "web")
    assert same_second(tree.word("images/foo:1/created"), image.created)
    assert tree.word("images/foo:1/state") in IMAGE_STATES


def test_an_untagged_image_is_not_listed(engine, mount):
    engine.add_image(None, quiet=True)
    assert mount().list("images") == ["busybox:latest"]


@pytest.mark.parametrize("ref, name", [("docker.io/library/foo:1", "docker.io%2Flibrary%2Ffoo:1"),
                                       ("localhost:5000/a/b:2", "localhost:5000%2Fa%2Fb:2"),
                                       ("odd%ref:1", "odd%25ref:1")])
def test_a_slash_and_a_percent_sign_are_escaped(engine, mount, ref, name):
    image = engine.add_image(ref, quiet=True)
    tree = mount()
    assert tree.list("images") == ["busybox:latest", name]
    assert tree.word(f"images/{name}/id") == image.id


def test_a_name_without_a_tag_is_its_latest_but_not_listed(tree, engine):
    assert tree.word("images/busybox/id") == engine.find_image("busybox").id
    assert "busybox" not in tree.list("images")


def test_a_container_is_found_by_id_and_unambiguous_prefix(tree, web):
    for name in (web.id, web.id[:12], web.id[:4]):
        assert tree.word(f"containers/{name}/id") == web.id
    assert tree.list("containers") == ["web"]


def test_an_ambiguous_prefix_is_no_name(engine, mount):
    engine.add_container("a", id="ab" + "0" * 62, quiet=True)
    engine.add_container("b", id="ab" + "1" * 62, quiet=True)
    tree = mount()
    assert not tree.exists("containers/ab")
    assert tree.word("containers/ab0/id") == "ab" + "0" * 62


def test_a_name_goes_before_an_id_prefix(engine, mount):
    engine.add_container("a", id="abc" + "0" * 61, quiet=True)
    named = engine.add_container("abc", quiet=True)
    assert mount().word("containers/abc/id") == named.id


PROBES = [".Trash", ".Trash-0", "autorun.inf", ".hidden", ".directory", "desktop.ini", ".git", "%2F", "x" * 255]


def test_probes_of_file_managers_find_nothing_and_cost_the_engine_nothing(tree, engine):
    folders = ["", "containers", "containers/web", "images", "images/busybox:latest", "jobs"]
    tree.list()
    before = engine.count()
    for folder in folders:
        for name in PROBES:
            assert not tree.exists(os.path.join(folder, name)), (folder, name)
    assert engine.count() == before


@pytest.mark.parametrize("name", ["0", "7", "-1", "x", "99999999999999999999"])
def test_a_job_that_never_was_is_not_there(tree, name):
    assert tree.list("jobs") == []
    assert not tree.exists(f"jobs/{name}")


def test_names_over_255_bytes_are_too_long(tree):
    with fails_with("ENAMETOOLONG"):
        os.stat(tree.path / "containers" / ("x" * 256))


def test_a_change_is_seen_by_every_name(tree, engine, web):
    names = ("web", web.id, web.id[:6])
    assert {tree.word(f"containers/{name}/state") for name in names} == {"running"}
    engine.pause(web)
    for name in names:
        tree.becomes(f"containers/{name}/state", "paused")


def test_listing_with_types_agrees_with_stat(tree):
    for folder in ("", "containers", "containers/web", "images/busybox:latest"):
        with os.scandir(tree.path / folder) as entries:
            for entry in entries:
                assert entry.is_dir() == os.path.isdir(entry.path), entry.path
                assert entry.is_file() == os.path.isfile(entry.path), entry.path


def test_a_listing_read_in_small_pieces_is_whole(engine, mount):
    engine.add_containers(300)
    tree = mount()
    fd = os.open(tree.path / "containers", os.O_RDONLY | os.O_DIRECTORY)
    try:
        first, second = os.listdir(fd), os.listdir(fd)
    finally:
        os.close(fd)
    assert len(first) == len(set(first)) == 300
    assert sorted(first) == sorted(second)
