# SPDX-License-Identifier: Apache-2.0
"""Requests as they are written: words, quotes, JSON, newlines, and every way in which people write to a file."""

import json
import os
import subprocess
import urllib.parse

import pytest

from lib.mount import fails_with
from lib.proc import wait_until

COMMIT = "containers/web/commit"
PUSH = "containers/web/push"
ASKED = r"^POST .*/commit\?"


def the_users(changes):
    """The instructions of the request; the label by which commitfs finds the image again comes last, once."""
    lines = [line for text in changes for line in text.split("\n")]
    assert [line for line in lines if line.startswith("LABEL commitfs.job=")] == lines[-1:]
    return lines[:-1]


def asked(engine, number=0):
    """The arguments of the engine's commit call number `number`."""
    target = engine.wait_for(ASKED, number + 1)[number].target
    return urllib.parse.parse_qs(urllib.parse.urlsplit(target).query, keep_blank_values=True)


def refused(tree, engine, path, text, *names):
    before = engine.count(r"^POST")
    with fails_with(*names):
        tree.write(path, text)
    assert engine.count(r"^POST") == before, "something was asked of the engine all the same"
    assert tree.list("jobs") == []


# --- words

def test_a_reference_alone_commits_to_latest(tree, engine, web):
    tree.write(COMMIT, "foo-image")
    args = asked(engine)
    assert (args["repo"], args.get("tag", ["latest"])) == (["foo-image"], ["latest"])
    assert args["container"][0] in ("web", web.id)
    tree.finish("containers/web")
    assert tree.word("images/foo-image:latest/id") == engine.find_image("foo-image").id


def test_every_key_reaches_the_engine(tree, engine):
    tree.write(COMMIT, 'foo-image:1.0 author="Build <build@example.com>" message="debug build" pause=no '
                       'change="ENV DEBUG=1" change="CMD [\\"/srv\\"]"')
    args = asked(engine)
    assert (args["repo"], args["tag"]) == (["foo-image"], ["1.0"])
    assert args["author"] == ["Build <build@example.com>"]
    assert args["comment"] == ["debug build"]
    assert args["pause"][0] in ("0", "false")
    assert the_users(args["changes"]) == ["ENV DEBUG=1", 'CMD ["/srv"]']
    tree.finish("containers/web")
    config = engine.find_image("foo-image:1.0").about["config"]
    assert config["Cmd"] == ["/srv"] and "DEBUG=1" in config["Env"]


def test_a_pause_is_asked_for_by_default(tree, engine):
    tree.write(COMMIT, "foo")
    tree.finish("containers/web")
    assert engine.commits == [("web", "foo:latest", True)]


def test_pause_no_keeps_it_running(tree, engine):
    tree.write(COMMIT, "foo pause=no")
    tree.finish("containers/web")
    assert engine.commits == [("web", "foo:latest", False)]


def test_a_container_that_the_user_paused_stays_paused(tree, engine, web):
    engine.pause(web)
    tree.becomes("containers/web/state", "paused")
    tree.write(COMMIT, "foo")
    tree.finish("containers/web")
    assert web.state == "paused"


@pytest.mark.parametrize("text, wanted", [
    ("author=plain", "plain"), ("author='single quotes'", "single quotes"), ('author="double quotes"', "double quotes"),
    ("author=back\\ slash", "back slash"), ('author=mixed" in "word', "mixed in word"),
    ("author='a \"quoted\" word'", 'a "quoted" word'), ('author="$HOME `x`"', "$HOME `x`"),
    ("author=a=b", "a=b"), ("author='Jürgen Müller'", "Jürgen Müller"), ("author=''", ""),
    ("author='a\\b'", "a\\b"), ("   author=spaces   ", "spaces")])
def test_words_are_quoted_as_a_shell_quotes(tree, engine, text, wanted):
    tree.write(COMMIT, f"foo {text}")
    assert asked(engine).get("author", [""]) == [wanted]


def test_blanks_and_tabs_separate_words(tree, engine):
    tree.write(COMMIT, "  foo:2 \t  author=x\t")
    args = asked(engine)
    assert (args["tag"], args["author"]) == (["2"], ["x"])


@pytest.mark.parametrize("ref, repo, tag", [
    ("foo", "foo", "latest"), ("a/b:c", "a/b", "c"), ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
    ("localhost:5000/a/b:9_x.Y-z", "localhost:5000/a/b", "9_x.Y-z"), ("a__b-c.d:1", "a__b-c.d", "1")])
def test_references_are_taken_apart(tree, engine, ref, repo, tag):
    tree.write(COMMIT, ref)
    args = asked(engine)
    assert (args["repo"], args.get("tag", ["latest"])) == ([repo], [tag])


BAD_REFERENCES = ["FOO", "foo:", ":1", "foo:ta g", "foo:-x", "-foo", "foo_", "foo//bar", "/foo", "foo/", "foo:a:b",
                  "fo o", "foo:" + "t" * 129, "foo..bar", "foo\x01", "föö"]


@pytest.mark.parametrize("ref", BAD_REFERENCES)
def test_a_wrong_reference_is_an_error_of_the_write(tree, engine, ref):
    refused(tree, engine, COMMIT, ref, "EINVAL")


@pytest.mark.parametrize("text", [
    "foo bar", "foo author", "foo who=me", "foo pause=maybe", 'foo author="open', "foo author='open",
    "author=x", "foo =x", "=", "foo when=always", "foo to=dir", "foo pause=", "foo push=nowhere:x:y:z:"])
def test_wrong_words_are_an_error_of_the_write(tree, engine, text):
    refused(tree, engine, COMMIT, text, "EINVAL")


def test_an_unknown_instruction_never_ends_as_success(tree, engine):
    try:
        tree.write(COMMIT, 'foo change="BOGUS x"')
    except OSError:
        return
    with fails_with("EINVAL"):
        tree.finish("containers/web")


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_an_empty_line_is_no_commit(tree, engine, text):
    refused(tree, engine, COMMIT, text, "EINVAL")


def test_opening_for_writing_without_a_word_is_no_request(tree, engine):
    os.close(os.open(tree.path / COMMIT, os.O_WRONLY | os.O_TRUNC))
    assert tree.list("jobs") == []


# --- JSON

@pytest.mark.parametrize("body", [
    {"image-name": "foo:2", "author": "me", "message": "hi", "pause": False, "change": ["ENV A=1", "ENV B=2"]},
    {"repository": "foo", "tag": "2", "author": "me", "message": "hi", "pause": False,
     "change": ["ENV A=1", "ENV B=2"]},
    {"image-name": "foo:2", "container": "web", "author": "me", "message": "hi", "pause": "no",
     "change": ["ENV A=1", "ENV B=2"]}])
def test_the_bodies_of_both_proposals_work_unchanged(tree, engine, body):
    tree.write(COMMIT, json.dumps(body))
    args = asked(engine)
    assert (args["repo"], args["tag"], args["author"], args["comment"]) == (["foo"], ["2"], ["me"], ["hi"])
    assert args["pause"][0] in ("0", "false")
    assert the_users(args["changes"]) == ["ENV A=1", "ENV B=2"]


def test_json_over_several_lines_is_one_request(tree, engine):
    tree.write(COMMIT, json.dumps({"image-name": "foo:3", "author": "me"}, indent=2))
    assert asked(engine)["tag"] == ["3"]
    tree.finish("containers/web")
    assert len(engine.commits) == 1


@pytest.mark.parametrize("text", [
    "{", "{}", '{"image-name": "foo"', '{"image-name": "foo"} x', '{"image-name": 5}', '{"image-name": "FOO"}',
    '{"image-name": "foo", "who": "me"}', '{"image-name": "foo", "pause": 3}',
    '{"image-name": "foo", "change": [1]}', '{"tag": "1"}', '{"image-name": null}', '{"image-name": "a\\u0000b"}',
    '{"image-name": "foo", "container": "another"}'])
def test_wrong_json_is_an_error_of_the_write(tree, engine, text):
    before = engine.count(r"^POST")
    with fails_with("EINVAL"):
        tree.write(COMMIT, text)
    assert engine.count(r"^POST") == before


# --- newlines

def test_a_newline_runs_the_request_inside_the_write(tree, engine):
    fd = os.open(tree.path / COMMIT, os.O_WRONLY)
    try:
        with fails_with("EINVAL"):
            os.write(fd, b"FOO\n")
        assert os.write(fd, b"foo\n") == 4
        engine.wait_for(ASKED)      # although the file is still open
    finally:
        os.close(fd)
    assert engine.count(ASKED) == 1


def test_what_has_no_newline_runs_at_close(tree, engine):
    fd = os.open(tree.path / COMMIT, os.O_WRONLY)
    os.write(fd, b"foo:")
    os.write(fd, b"7")
    assert engine.count(ASKED) == 0
    os.close(fd)
    assert asked(engine)["tag"] == ["7"]


def test_an_error_without_a_newline_comes_at_close(tree):
    fd = os.open(tree.path / COMMIT, os.O_WRONLY)
    assert os.write(fd, b"FOO") == 3
    with fails_with("EINVAL"):
        os.close(fd)


def test_a_request_in_pieces_is_one_request(tree, engine):
    fd = os.open(tree.path / COMMIT, os.O_WRONLY)
    for piece in (b"fo", b"o:8 auth", b"or=me", b"\n"):
        assert os.write(fd, piece) == len(piece)
    os.close(fd)
    assert asked(engine)["author"] == ["me"]
    tree.finish("containers/web")
    assert len(engine.commits) == 1


def test_several_lines_are_several_requests_in_order(tree, engine):
    tree.write(COMMIT, "foo:1\nfoo:2\nfoo:3")
    tree.finish("containers/web")
    assert [ref for _, ref, _ in engine.commits] == ["foo:1", "foo:2", "foo:3"]


def test_a_carriage_return_belongs_to_no_reference(tree, engine):
    """A file written by an editor of the other world either works or is refused; it never makes a strange name."""
    try:
        tree.write(COMMIT, "foo\r")
    except OSError:
        return
    assert asked(engine)["repo"] == ["foo"]


def test_more_than_64_kib_is_too_much(tree, engine):
    text = b"foo author=" + b"x" * 66_000 + b"\n"
    fd = os.open(tree.path / COMMIT, os.O_WRONLY)
    with fails_with("E2BIG"):
        try:
            while text:
                text = text[os.write(fd, text):]
        finally:
            os.close(fd)
    assert engine.count(ASKED) == 0


def test_much_below_64_kib_is_fine(tree, engine):
    tree.write(COMMIT, "foo message=" + "x" * 20_000)
    assert asked(engine)["comment"] == ["x" * 20_000]


def test_a_nul_byte_is_refused(tree):
    with fails_with("EINVAL"):
        tree.write(COMMIT, "foo\0bar")


def test_two_writers_do_not_mix(tree, engine):
    one = os.open(tree.path / COMMIT, os.O_WRONLY)
    two = os.open(tree.path / COMMIT, os.O_WRONLY)
    os.write(one, b"foo:")
    os.write(two, b"bar:")
    os.write(one, b"1\n")
    os.write(two, b"2\n")
    os.close(one)
    os.close(two)
    tree.finish("containers/web")
    assert [ref for _, ref, _ in engine.commits] == ["foo:1", "bar:2"]


# --- reading back

def test_the_last_accepted_request_can_be_read(tree):
    assert tree.read(COMMIT) == ""
    tree.write(COMMIT, "foo:1 author=me")
    assert "foo:1" in tree.read(COMMIT)
    with fails_with("EINVAL"):
        tree.write(COMMIT, "FOO")
    assert "foo:1" in tree.read(COMMIT) and "FOO" not in tree.read(COMMIT)


# --- every way to write

WAYS = {
    "echo >": 'echo foo:1 > "$1"', "echo >>": 'echo foo:1 >> "$1"', "echo -n": 'printf %s foo:1 > "$1"',
    "tee": 'echo foo:1 | tee "$1"', "tee -a": 'echo foo:1 | tee -a "$1"', "cp": 'echo foo:1 > t; cp t "$1"',
    "cat": 'echo foo:1 > t; cat t > "$1"', "dd": 'echo foo:1 | dd of="$1" 2>/dev/null',
    "dd fsync": 'echo foo:1 | dd of="$1" conv=fsync 2>/dev/null',
    "dd notrunc": 'echo foo:1 | dd of="$1" conv=notrunc bs=1 2>/dev/null', "here": 'cat > "$1" <<E\nfoo:1\nE',
    "read-write": 'exec 3<>"$1"; echo foo:1 >&3',
    "python": '/usr/bin/python3 -c "open(\'$1\', \'w\').write(\'foo:1\')"'}


@pytest.mark.parametrize("way", WAYS)
def test_every_usual_way_to_write_works(tree, engine, folder, way):
    done = subprocess.run(["/bin/sh", "-ec", WAYS[way], "sh", tree.path / COMMIT], cwd=folder, capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    tree.finish("containers/web")
    assert engine.commits == [("web", "foo:1", True)]


def test_echo_gets_the_error(tree):
    done = subprocess.run(["/bin/sh", "-c", 'echo FOO > "$1"', "sh", tree.path / COMMIT], capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode != 0


# --- states of the container

@pytest.mark.parametrize("state", ["created", "restarting", "removing", "dead"])
def test_a_container_in_the_wrong_state_is_busy(engine, mount, state):
    engine.add_container("c", state=state, quiet=True)
    tree = mount()
    refused(tree, engine, "containers/c/commit", "foo", "EBUSY")


@pytest.mark.parametrize("state", ["running", "paused", "exited"])
def test_a_container_in_a_right_state_is_committed(engine, mount, state):
    engine.add_container("c", state=state, quiet=True)
    tree = mount()
    tree.write("containers/c/commit", "foo")
    assert tree.finish("containers/c")["state"] == "committed"


# --- push

def test_a_push_before_any_commit_finds_no_image(tree, engine):
    refused(tree, engine, PUSH, "", "ENOENT")


def test_a_push_of_an_image_that_is_not_there_finds_none(tree, engine):
    refused(tree, engine, PUSH, "nosuch:1", "ENOENT")


@pytest.mark.parametrize("text", ["FOO", "busybox to=ftp://x", "busybox who=me", "busybox a b",
                                  "busybox to=glance:", "busybox to=glance name=x", "{", '{"who": "me"}'])
def test_a_wrong_push_is_an_error_of_the_write(cloud, engine, glance, text):
    refused(cloud, engine, PUSH, text, "EINVAL")
    assert glance.records() == []


def test_an_empty_line_pushes_the_newest_snapshot(cloud, glance):
    cloud.write(COMMIT, "foo:1")
    cloud.write(COMMIT, "foo:2")
    cloud.write(PUSH, "")
    cloud.finish("containers/web")
    assert glance.only("foo").tags == ["2"]


@pytest.mark.parametrize("text, name, tag", [
    ("busybox", "busybox", "latest"), ("busybox:latest to=glance", "busybox", "latest"),
    ("busybox to=glance:other", "other", "latest"), ("busybox to=glance:other:9", "other", "9"),
    ("busybox name=other tag=9", "other", "9"),
    ('{"image-name": "busybox", "target": "glance:other:9"}', "other", "9"),
    ('{"repository": "busybox"}', "busybox", "latest")])
def test_a_push_names_its_target(cloud, glance, text, name, tag):
    cloud.write(PUSH, text)
    cloud.finish("images/busybox:latest")
    record = glance.only(name)
    assert (record.status, record.tags) == ("active", [tag])


@pytest.mark.parametrize("text, name", [("", "busybox"), ("glance", "busybox"), ("glance:other", "other")])
def test_an_images_own_push_takes_an_optional_target(cloud, glance, text, name):
    cloud.write("images/busybox:latest/push", text)
    cloud.finish("images/busybox:latest")
    assert glance.only(name).status == "active"


@pytest.mark.parametrize("target", ["nowhere", "ftp://x/y", "glance:a b", "dir:/etc"])
def test_an_images_own_push_refuses_a_wrong_target(cloud, glance, target):
    with fails_with("EINVAL"):
        cloud.write("images/busybox:latest/push", target)
    assert glance.records() == []


def test_commit_and_push_in_one_request(cloud, engine, glance):
    cloud.write(COMMIT, "foo:1 push=glance")
    wait_until(lambda: glance.records("foo"), 10, "the record")
    assert cloud.finish("containers/web")["state"] == "active"
    assert glance.only("foo").status == "active"


def test_commit_and_push_in_one_json_request(cloud, glance):
    cloud.write(COMMIT, '{"image-name": "foo:1", "push": "glance"}')
    assert cloud.finish("containers/web")["state"] == "active"
    assert glance.only("foo").tags == ["1"]
