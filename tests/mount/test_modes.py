# SPDX-License-Identifier: Apache-2.0
"""Sizes, modes, owners and times; who may do what."""

import grp
import os
import stat
import subprocess

import pytest

from lib.mount import fails_with
from lib.scripted import IMAGE_FILES
from lib.proc import wait_until

root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
CONTROL = ("containers/web/commit", "containers/web/push", "images/busybox:latest/push")
SECRET = ("containers/web/inspect.json", "images/busybox:latest/inspect.json")
OTHER_USER, OTHER_GROUP = 65534, 65533


def mode(tree, path):
    return stat.S_IMODE(os.stat(tree.path / path).st_mode)


def as_other(*argv, groups=()):
    return subprocess.run([str(arg) for arg in argv], user=OTHER_USER, group=OTHER_USER, extra_groups=list(groups),
                          capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def open_folder(folder):
    """Others may pass through to the mount."""
    os.chmod(folder, 0o755)
    return folder


def test_control_files_are_the_users_alone(tree):
    for path in CONTROL:
        assert mode(tree, path) == 0o600, path


def test_files_that_hold_secrets_are_the_users_alone(tree):
    assert mode(tree, SECRET[0]) == 0o400


def test_all_else_is_readable_by_everyone_and_writable_by_nobody(tree):
    paths = ["README", "status", "containers/web/state", "containers/web/wait"]
    paths += [f"images/busybox:latest/{name}" for name in IMAGE_FILES - {"push", "inspect.json"}]
    for path in paths:
        assert mode(tree, path) == 0o444, path


def test_the_files_of_a_job(tree):
    tree.write("containers/web/commit", "foo")
    job = tree.finish("containers/web")["job"]
    assert mode(tree, f"jobs/{job}/cancel") == 0o600
    for name in ("state", "status", "progress", "wait", "log"):
        assert mode(tree, f"jobs/{job}/{name}") == 0o444, name


def test_owner_is_the_mounting_user(tree):
    for path in ("", "containers", "containers/web", "containers/web/commit", "status"):
        about = os.stat(tree.path / path)
        assert (about.st_uid, about.st_gid) == (os.getuid(), os.getgid()), path


def test_gid_lets_a_group_use_the_control_files(web, mount):
    tree = mount(f"--gid={OTHER_GROUP}")
    for path in CONTROL:
        about = os.stat(tree.path / path)
        assert (about.st_gid, stat.S_IMODE(about.st_mode)) == (OTHER_GROUP, 0o660), path
    about = os.stat(tree.path / SECRET[0])
    assert (about.st_gid, stat.S_IMODE(about.st_mode)) == (OTHER_GROUP, 0o440)


def test_gid_takes_a_name(web, mount):
    group = next(g for g in grp.getgrall() if g.gr_gid != os.getgid())
    tree = mount(f"--gid={group.gr_name}")
    assert os.stat(tree.path / CONTROL[0]).st_gid == group.gr_gid


def test_a_container_carries_its_creation_time(engine, mount):
    engine.add_container("old", quiet=True, created=1_600_000_000 * 10**9 + 5)
    tree = mount()
    assert int(os.stat(tree.path / "containers/old").st_mtime) == 1_600_000_000


def test_an_image_carries_its_own_time(engine, web, mount):
    image = engine.find_image("busybox")
    image.created = 1_500_000_000 * 10**9
    tree = mount()
    assert int(os.stat(tree.path / "images/busybox:latest").st_mtime) == 1_500_000_000


def test_sizes_are_true_where_the_text_is_known(tree):
    for path in ("containers/web/id", "containers/web/state", "containers/web/status", "images/busybox:latest/size"):
        assert os.stat(tree.path / path).st_size == len(tree.read(path)), path


@pytest.mark.parametrize("path", ["containers/web/inspect.json", "containers/web/changes", "containers/web/volumes",
                                  "containers/web/state", "status", "README", "images/busybox:latest/progress"])
def test_sizes_are_true_once_open(tree, path):
    with open(tree.path / path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read()
    assert size == len(data)


def test_text_is_fixed_at_open(tree, engine, web):
    fd = os.open(tree.path / "containers/web/state", os.O_RDONLY)
    try:
        engine.pause(web)
        tree.becomes("containers/web/state", "paused")
        assert os.pread(fd, 100, 0) == b"running\n"
    finally:
        os.close(fd)


def test_reads_at_any_offset_agree(tree):
    fd = os.open(tree.path / "containers/web/inspect.json", os.O_RDONLY)
    try:
        whole = os.pread(fd, 1 << 20, 0)
        for start in (0, 1, 7, 100, len(whole) - 1, len(whole), len(whole) + 5):
            assert os.pread(fd, 13, start) == whole[start:start + 13]
    finally:
        os.close(fd)


def test_a_new_state_is_seen_by_who_opened_the_old_one_before(tree, engine, web):
    assert tree.word("containers/web/state") == "running"
    engine.pause(web)
    tree.becomes("containers/web/state", "paused")
    assert os.stat(tree.path / "containers/web/state").st_size == len("paused\n")


def test_writing_to_a_read_only_file_is_not_permitted(tree):
    wanted = ("EPERM",) if os.getuid() == 0 else ("EPERM", "EACCES")
    for path in ("containers/web/state", "status", "README", "images/busybox:latest/id", "containers/web/wait"):
        with fails_with(*wanted):
            os.close(os.open(tree.path / path, os.O_WRONLY))


REFUSED = [
    ("unlink", lambda p: os.unlink(p / "containers/web/state")),
    ("rename", lambda p: os.rename(p / "containers/web/state", p / "containers/web/x")),
    ("rename of a directory", lambda p: os.rename(p / "containers/web", p / "containers/x")),
    ("mkdir", lambda p: os.mkdir(p / "containers/new")),
    ("mkdir at the root", lambda p: os.mkdir(p / "new")),
    ("rmdir", lambda p: os.rmdir(p / "containers/web")),
    ("symlink", lambda p: os.symlink("x", p / "containers/web/link")),
    ("link", lambda p: os.link(p / "status", p / "status2")),
    ("mknod", lambda p: os.mknod(p / "containers/web/pipe", stat.S_IFIFO | 0o600)),
    ("create", lambda p: os.close(os.open(p / "containers/web/new", os.O_CREAT | os.O_WRONLY))),
    ("chmod", lambda p: os.chmod(p / "containers/web/state", 0o666)),
    ("truncate", lambda p: os.truncate(p / "containers/web/state", 0)),
]


@pytest.mark.parametrize("what, act", REFUSED, ids=[what for what, _ in REFUSED])
def test_what_makes_no_sense_is_refused(tree, what, act):
    with fails_with("EPERM", "EACCES", "EROFS", "EXDEV") if what == "link" else fails_with("EPERM", "EACCES", "EROFS"):
        act(tree.path)
    assert tree.word("containers/web/state") == "running"


def test_with_ro_there_are_no_control_files(web, engine, mount):
    tree = mount("-o", "ro")
    assert not {"commit", "push", "on-exit"} & set(tree.list("containers/web"))
    assert "push" not in tree.list("images/busybox:latest")
    for path in CONTROL:
        assert not tree.exists(path)
    assert tree.word("containers/web/state") == "running"
    with fails_with("EROFS", "EPERM", "ENOENT"):
        os.mkdir(tree.path / "containers/x")


def test_with_ro_the_tree_still_follows_events(web, engine, mount):
    tree = mount("--ro")
    engine.pause(web)
    tree.becomes("containers/web/state", "paused")


@root_only
def test_others_are_kept_out_by_default(open_folder, tree):
    assert as_other("cat", tree.path / "containers/web/state").returncode != 0


@root_only
def test_allow_other_lets_others_look_but_neither_touch_nor_see_secrets(open_folder, web, mount):
    tree = mount("-o", "allow_other")
    os.chmod(tree.root, 0o755)
    assert as_other("cat", tree.path / "containers/web/state").stdout == "running\n"
    secret = as_other("cat", tree.path / "containers/web/inspect.json")
    assert secret.returncode != 0 and "hunter2" not in secret.stdout
    assert as_other("sh", "-c", 'echo foo > "$1"', "sh", tree.path / "containers/web/commit").returncode != 0
    assert tree.word("containers/web/commit") == ""


@root_only
def test_a_member_of_the_group_may_commit(open_folder, web, engine, mount):
    tree = mount("-o", "allow_other", f"--gid={OTHER_GROUP}")
    os.chmod(tree.root, 0o755)
    done = as_other("sh", "-c", 'echo foo > "$1"', "sh", tree.path / "containers/web/commit", groups=[OTHER_GROUP])
    assert done.returncode == 0, done.stderr
    wait_until(lambda: engine.commits, 5, "the commit")
    assert as_other("cat", tree.path / SECRET[0], groups=[OTHER_GROUP]).returncode == 0


def test_the_mount_says_its_type(tree):
    line = next(x for x in open("/proc/self/mountinfo", encoding="utf-8") if f" {tree.path} " in x)
    assert line.split(" - ")[1].split()[0] == "fuse.commitfs"
