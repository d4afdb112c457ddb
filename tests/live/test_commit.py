# SPDX-License-Identifier: Apache-2.0
"""containers/NAME/commit: what `docker commit` does, by a write."""

import json
import time

import pytest
from lib.mount import fails_with
from lib.proc import wait_until

COMMIT = "containers/web/commit"


def make_state(engine, state):
    if state == "paused":
        engine.docker("pause", "web")
    elif state == "exited":
        engine.docker("stop", "web")
    assert engine.state("web") == state


@pytest.mark.parametrize("state", ["running", "paused", "exited"])
def test_commit_leaves_the_state_alone(engine, web, tree, state):
    make_state(engine, state)
    tree.becomes("containers/web/state", state)
    tree.write(COMMIT, "foo-image")
    final = tree.finish("containers/web")
    assert final["state"] == "committed"
    assert engine.state("web") == state
    assert tree.word("containers/web/state") == state
    assert tree.appears("images/foo-image:latest")
    assert tree.word("images/foo-image:latest/id") == engine.image_id("foo-image:latest")
    assert engine.docker("run", "--rm", "--network", "none", "foo-image", "cat", "/mark") == "hello"


def test_a_user_s_pause_is_never_ended(engine, web, tree):
    engine.docker("pause", "web")
    tree.becomes("containers/web/state", "paused")
    start = time.time()
    tree.write(COMMIT, "foo-image")
    tree.finish("containers/web")
    assert "unpause" not in engine.actions("web", start)


@pytest.mark.parametrize("words, paused", [("", True), (" pause=yes", True), (" pause=no", False)])
def test_pause_reaches_the_engine(engine, web, tree, words, paused):
    start = time.time()
    tree.write(COMMIT, "foo-image" + words)
    tree.finish("containers/web")
    assert ("pause" in engine.actions("web", start)) == paused
    assert engine.state("web") == "running"


def check_metadata(engine, ref):
    image = engine.inspect(ref, "image")
    assert image["Author"] == "Build <build@example.com>"
    assert image["Comment"] == "debug build"
    assert "DEBUG=1" in image["Config"]["Env"]
    assert image["Config"]["Cmd"] == ["/srv", "-v"]


def test_words_reach_the_engine(engine, web, tree):
    tree.write(COMMIT, 'foo-image:1.0 author="Build <build@example.com>" message="debug build" pause=no '
                       r'change="ENV DEBUG=1" change="CMD [\"/srv\", \"-v\"]"')
    tree.finish("containers/web")
    check_metadata(engine, "foo-image:1.0")
    tree.appears("images/foo-image:1.0")
    assert tree.word("images/foo-image:1.0/author") == "Build <build@example.com>"
    assert tree.word("images/foo-image:1.0/comment") == "debug build"


def test_json_reaches_the_engine(engine, web, tree):
    tree.write(COMMIT, json.dumps({"repository": "foo-image", "tag": "1.0", "author": "Build <build@example.com>",
                                   "message": "debug build", "pause": False,
                                   "change": ["ENV DEBUG=1", 'CMD ["/srv", "-v"]']}))
    tree.finish("containers/web")
    check_metadata(engine, "foo-image:1.0")


def test_json_with_the_other_proposal_s_keys(engine, web, tree):
    tree.write(COMMIT, '{"image-name": "foo-image"}')
    tree.finish("containers/web")
    assert engine.has_image("foo-image:latest")


def test_a_request_without_newline_runs_at_close(engine, web, tree):
    tree.write(COMMIT, "foo-image", newline=False)
    tree.finish("containers/web")
    assert engine.has_image("foo-image:latest")


def test_reads_back_the_last_accepted_request(engine, web, tree):
    tree.write(COMMIT, "foo-image:1.0 pause=no")
    with fails_with("EINVAL"):
        tree.write(COMMIT, "Not/A/Name")
    assert "foo-image:1.0" in tree.read(COMMIT)
    assert "Not/A/Name" not in tree.read(COMMIT)
    tree.finish("containers/web")


def test_a_reference_with_slashes(engine, web, tree):
    tree.write(COMMIT, "localhost:5000/team/foo:2")
    tree.finish("containers/web")
    tree.appears("images/localhost:5000%2Fteam%2Ffoo:2")
    assert tree.word("images/localhost:5000%2Fteam%2Ffoo:2/id") == engine.image_id("localhost:5000/team/foo:2")


def test_commits_of_one_container_keep_their_order(engine, web, tree):
    for number in range(4):
        tree.write(COMMIT, f"foo-image change=\"LABEL number={number}\"")
    tree.finish("containers/web")
    wait_until(lambda: engine.has_image("foo-image:latest"), 5)
    assert engine.inspect("foo-image", "image")["Config"]["Labels"]["number"] == "3"


WRONG = {
    "empty": "",
    "blank": "   ",
    "upper case": "Foo",
    "no name": ":tag",
    "empty tag": "foo:",
    "bad tag": "foo:a/b!",
    "long tag": "foo:" + "a" * 129,
    "digest": "foo@sha256:" + "0" * 64,
    "leading slash": "/foo",
    "double slash": "a//b",
    "an image id": "0" * 64,
    "two names": "foo bar",
    "unknown key": "foo colour=red",
    "bad boolean": "foo pause=maybe",
    "open quote": 'foo author="someone',
    "unknown target": "foo push=nowhere://x",
    "broken JSON": '{"repository": "foo"',
    "JSON array": '["foo"]',
    "JSON, no name": '{"tag": "1"}',
    "JSON, wrong type": '{"repository": 7}',
    "JSON, unknown key": '{"repository": "foo", "colour": "red"}',
    "JSON, bad reference": '{"repository": "Foo"}',
    "JSON and more": '{"repository": "foo"} foo',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_refused_at_the_write(engine, web, tree, text):
    before = engine.docker("images", "-aq", "--no-trunc")
    with fails_with("EINVAL"):
        tree.write(COMMIT, text)
    assert engine.docker("images", "-aq", "--no-trunc") == before
    assert tree.list("jobs") == []


def test_too_long_a_request(web, tree):
    with fails_with("E2BIG"):
        tree.write(COMMIT, "foo message=" + "x" * 70000)


def test_no_such_container(web, tree):
    with fails_with("ENOENT"):
        tree.write("containers/nobody/commit", "foo-image")


def test_a_created_container_is_busy(engine, tree):
    engine.docker("create", "--name", "fresh", "--network", "none", "busybox", "true")
    tree.becomes("containers/fresh/state", "created")
    with fails_with("EBUSY"):
        tree.write("containers/fresh/commit", "foo-image")
    assert not engine.has_image("foo-image")


def test_a_restarting_container_is_busy(engine, tree):
    engine.run("loop", "false", options=("--restart", "always"))

    def between_starts():  # the engine doubles its pause each time: after five it lasts for seconds
        state = engine.inspect("loop")
        return state["RestartCount"] >= 5 and state["State"]["Status"] == "restarting"

    wait_until(between_starts, 30, "a container that restarts")
    tree.becomes("containers/loop/state", "restarting")
    with fails_with("EBUSY"):
        tree.write("containers/loop/commit", "foo-image")
    assert not engine.has_image("foo-image")


def test_wait_without_a_job_returns_at_once(web, tree):
    assert tree.finish("containers/web")["job"] == ""
