# SPDX-License-Identifier: Apache-2.0
"""What happens in the engine is seen in the tree, also when its event stream was lost in between."""

import os

import pytest

from lib.mount import fails_with
from lib.proc import wait_until
from lib.scripted import EVENTS, LIST, within

AGAIN = 15      # seconds in which a lost engine is found again


def same(tree, engine):
    """Whether the tree shows what the engine has."""
    containers = {c.name: c.state for c in engine.containers.values()}
    images = {ref for image in engine.images.values() for ref in image.refs}
    if tree.list("containers") != sorted(containers) or tree.list("images") != sorted(images):
        return False
    return all(tree.word(f"containers/{name}/state") == state for name, state in containers.items())


def becomes_same(tree, engine, timeout=5):
    wait_until(lambda: same(tree, engine), timeout, "the tree is what the engine has")


def test_a_new_container_appears(tree, engine):
    engine.add_container("new")
    tree.appears("containers/new/state")
    assert tree.list("containers") == ["new", "web"]
    tree.becomes("containers/new/state", "running")


def test_a_name_that_was_looked_for_in_vain_appears(tree, engine):
    assert not tree.exists("containers/new")
    engine.add_container("new")
    tree.appears("containers/new")


@pytest.mark.parametrize("act, state", [("pause", "paused"), ("die", "exited"), ("stop_container", "exited")])
def test_a_changed_state_is_seen(tree, engine, web, act, state):
    assert tree.word("containers/web/state") == "running"
    getattr(engine, act)(web)
    tree.becomes("containers/web/state", state)


def test_a_life_is_followed_step_by_step(tree, engine):
    # no name of hex digits alone: that could be the beginning of another container's id
    container = engine.add_container("shop", state="created")
    tree.appears("containers/shop")
    tree.becomes("containers/shop/state", "created")
    engine.start(container)
    tree.becomes("containers/shop/state", "running")
    engine.pause(container)
    tree.becomes("containers/shop/state", "paused")
    engine.unpause(container)
    tree.becomes("containers/shop/state", "running")
    engine.die(container, 3)
    tree.becomes("containers/shop/state", "exited")
    engine.remove(container)
    tree.vanishes("containers/shop")


def test_a_renamed_container_moves(tree, engine, web):
    tree.list("containers/web")
    engine.rename(web, "shop")
    tree.appears("containers/shop")
    tree.vanishes("containers/web")
    assert tree.word("containers/shop/id") == web.id
    assert tree.list("containers") == ["shop"]


def test_names_that_change_places_are_followed(tree, engine, web):
    other = engine.add_container("db")
    tree.appears("containers/db")
    engine.rename(web, "tmp")
    engine.rename(other, "web")
    engine.rename(web, "db")
    tree.becomes("containers/web/id", other.id)
    tree.becomes("containers/db/id", web.id)
    assert tree.list("containers") == ["db", "web"]


def test_a_destroyed_container_vanishes(tree, engine, web):
    tree.list("containers/web")
    engine.remove(web, force=True)
    tree.vanishes("containers/web")
    assert tree.list("containers") == []
    assert not tree.exists("containers/web/state")


def test_another_container_of_the_same_name_is_another(tree, engine, web):
    inode = os.stat(tree.path / "containers/web").st_ino
    engine.remove(web, force=True)
    again = engine.add_container("web", state="exited")
    tree.becomes("containers/web/id", again.id)
    tree.becomes("containers/web/state", "exited")
    assert os.stat(tree.path / "containers/web").st_ino != inode


def test_a_file_of_a_vanished_container_says_so(tree, engine, web):
    fd = os.open(tree.path / "containers/web/commit", os.O_WRONLY)
    engine.remove(web, force=True)
    tree.vanishes("containers/web")
    try:
        with fails_with("ENOENT"):
            os.write(fd, b"foo\n")
    finally:
        os.close(fd)
    assert engine.commits == []


def test_a_short_lived_container_leaves_nothing(tree, engine):
    for n in range(20):
        engine.remove(engine.add_container(f"c{n}", state="exited"))
    becomes_same(tree, engine)


def test_images_follow_tag_and_untag(tree, engine):
    image = engine.add_image("foo:1")
    tree.appears("images/foo:1")
    assert tree.word("images/foo:1/id") == image.id
    engine.tag(image, "bar/foo:2")
    tree.appears("images/bar%2Ffoo:2")
    engine.untag("foo:1")
    tree.vanishes("images/foo:1")
    assert tree.exists("images/bar%2Ffoo:2")
    engine.untag("bar/foo:2")
    tree.vanishes("images/bar%2Ffoo:2")
    assert tree.list("images") == ["busybox:latest"]


def test_a_tag_that_moves_on_names_the_new_image(tree, engine):
    engine.add_image("foo:1", seed=1)
    tree.appears("images/foo:1")
    other = engine.add_image("foo:1", seed=2)
    tree.becomes("images/foo:1/id", other.id)


def test_a_commit_by_someone_else_is_seen(tree, engine, web):
    image = engine.commit(web, "theirs:1", comment="by hand")
    tree.appears("images/theirs:1")
    assert tree.word("images/theirs:1/id") == image.id
    assert tree.word("images/theirs:1/comment") == "by hand"


def test_a_thousand_events_end_in_the_right_picture(engine, mount):
    containers = engine.add_containers(50)
    tree = mount()
    tree.list("containers")
    engine.churn(1000)
    for container in containers[:10]:
        engine.remove(container, force=True)
    becomes_same(tree, engine, 10)


def test_unknown_events_and_types_do_no_harm(tree, engine, web):
    engine.emit("network", "create", "1" * 64, {"name": "n", "type": "bridge"})
    engine.emit("container", "exec_start: sh -c 'x'", web.id, {"image": "busybox", "name": "web"})
    engine.emit("container", "die", "f" * 64, {"image": "gone", "name": "gone"})
    engine.emit("image", "delete", "sha256:" + "f" * 64, {"name": "sha256:" + "f" * 64})
    engine.emit("plugin", "", "", {})
    engine.pause(web)
    tree.becomes("containers/web/state", "paused")
    assert tree.list("containers") == ["web"]


# --- the stream lost

def test_what_happened_while_the_stream_was_lost_is_caught_up(tree, engine, web):
    engine.add_container("old", state="exited")
    tree.appears("containers/old")
    with engine.lock:       # so that nothing is seen before all of it has happened
        engine.drop_streams()
        web.state = "paused"
        web.changed()
        engine.add_container("new", quiet=True)
        del engine.containers[engine.names.pop("old").id]
        engine.tag(engine.find_image("busybox"), "other:1", quiet=True)
    becomes_same(tree, engine, AGAIN)


def test_events_are_followed_again_after_the_stream_was_lost(tree, engine, web):
    seen = engine.count(EVENTS)
    engine.drop_streams()
    engine.wait_for(EVENTS, seen + 1, AGAIN, answered=True)
    engine.pause(web)
    tree.becomes("containers/web/state", "paused", AGAIN)


def test_nothing_between_list_and_stream_is_lost(tree, engine, web):
    """Changes while the tree is catching up: in whatever order it asks, they must be seen."""
    gate = engine.fault(LIST, delay=0.5)
    engine.drop_streams()
    wait_until(lambda: gate.hits, AGAIN, "the list is asked for")
    engine.pause(web)
    engine.add_container("between")
    becomes_same(tree, engine, AGAIN)


def test_a_tree_without_its_engine_serves_what_it_knew_and_says_so(tree, engine, web):
    engine.refuse()
    engine.drop_streams()
    wait_until(lambda: tree.keyed("status")["error"], AGAIN, "the status has an error")
    assert tree.list("containers") == ["web"]
    assert tree.word("containers/web/state") == "running"
    with fails_with("ECONNREFUSED"):
        tree.write("containers/web/commit", "foo")
    engine.listen()
    wait_until(lambda: not tree.keyed("status")["error"], AGAIN, "the error is gone")


def test_an_engine_that_comes_back_changed_is_shown_as_it_is(tree, engine, web):
    engine.refuse()
    engine.drop_streams()
    engine.remove(web, force=True)
    for n in range(3):
        engine.add_container(f"new{n}", state="exited")
    engine.listen()
    becomes_same(tree, engine, AGAIN)


def test_a_broken_list_forgets_nothing(tree, engine, web):
    """The answer ends in mid-object: what is missing from it is not gone."""
    for n in range(5):
        engine.add_container(f"c{n}")
    tree.appears("containers/c4")
    cut = engine.fault(LIST, truncate=900, times=2)
    engine.drop_streams()
    wait_until(lambda: cut.hits, AGAIN, "the list is asked for")
    for _ in range(20):
        assert len(tree.list("containers")) == 6
    wait_until(lambda: cut.hits == 2, AGAIN, "the list is asked for again")
    engine.add_container("later")
    becomes_same(tree, engine, AGAIN)


def test_a_list_that_is_reset_forgets_nothing(tree, engine, web):
    engine.add_container("c")
    tree.appears("containers/c")
    cut = engine.fault(LIST, cut_after=700, how="reset")
    engine.drop_streams()
    wait_until(lambda: cut.hits, AGAIN, "the list is asked for")
    assert tree.list("containers") == ["c", "web"]
    engine.add_container("later")
    becomes_same(tree, engine, AGAIN)


def test_a_broken_event_does_no_harm(tree, engine, web):
    with engine.lock:
        for stream in engine.streams:
            stream.put({"Type": "container", "Action": 5, "Actor": {"ID": web.id, "Attributes": {}}})
            stream.put({"Type": "container", "Action": "die", "Actor": {"ID": "../../x", "Attributes": {"image": ""}}})
    engine.pause(web)
    tree.becomes("containers/web/state", "paused", AGAIN)
    assert tree.list("containers") == ["web"]


def test_the_tree_answers_while_the_engine_is_silent(tree, engine, web):
    engine.deaf = True
    engine.drop_streams()
    assert within(1, "ls", lambda: tree.list("containers")) == ["web"]
    assert within(1, "cat state", lambda: tree.word("containers/web/state")) == "running"
    engine.deaf = False
    engine.drop_connections()
