# SPDX-License-Identifier: Apache-2.0
"""What was accepted outlives the process: killed, stopped, or with a damaged file."""

import socket
import subprocess
import threading

import pytest

from lib import proc
from lib.mount import Mount, environment, fails_with
from lib.proc import wait_until
from lib.scripted import CREATE, EXPORT, UPLOAD

COMMIT = "containers/web/commit"
IMAGE = "images/foo:1"


def test_finished_jobs_are_readable_after_a_restart(tree):
    tree.write(COMMIT, 'foo:1 push=dir message="for later"')
    before = tree.finish(IMAGE)
    tree.stop()
    tree.start()
    assert tree.list("jobs") == ["1"]
    assert tree.keyed("jobs/1/status") == before
    assert tree.keyed("images/foo:1/status") == before
    assert tree.read(COMMIT) == 'foo:1 push=dir message="for later"\n'
    assert "accepted: commit foo:1" in tree.read("jobs/1/log")


def test_numbers_go_on_after_a_restart(tree):
    tree.write(COMMIT, "foo:1")
    tree.finish(IMAGE)
    tree.crash()
    tree.start()
    tree.write(COMMIT, "foo:2")
    assert tree.finish("images/foo:2")["job"] == "2"


def test_a_queued_job_is_carried_out_after_a_kill(tree, engine):
    engine.commit_gate = threading.Event()
    tree.write(COMMIT, "foo:1")
    tree.write(COMMIT, "foo:2")
    tree.crash()
    engine.commit_gate.set()
    tree.start()
    tree.finish("images/foo:2")
    assert [tree.word(f"jobs/{n}/state") for n in (1, 2)] == ["committed", "committed"]


def test_a_commit_whose_client_was_killed_is_made_once(tree, engine):
    """The engine goes on without its client: the image is found by its label, not made again."""
    engine.commit_gate = threading.Event()
    tree.write(COMMIT, "foo:1")
    engine.wait_for(r"^POST .*/commit\?", 1)
    tree.crash()
    tree.start()
    engine.commit_gate.set()
    tree.finish(IMAGE)
    assert engine.count(r"^POST .*/commit\?") == 1
    assert tree.word(f"{IMAGE}/id") == engine.find_image("foo:1").id


def test_a_commit_that_the_engine_never_got_is_made_after_a_kill(tree, engine):
    engine.fault(r"^POST .*/commit\?", drop=True, delay=0.5)
    tree.write(COMMIT, "foo:1")
    tree.crash()
    tree.start()
    tree.finish(IMAGE)
    assert engine.find_image("foo:1")


def test_a_push_that_was_killed_in_the_middle_is_made_again(cloud, engine, glance):
    engine.add_image("big:1", size=8_000_000, quiet=False)
    cloud.appears("images/big:1")
    engine.fault(EXPORT, rate=2_000_000)
    cloud.write("images/big:1/push", "")
    wait_until(lambda: cloud.word("images/big:1/state") == "uploading", 10, "the upload")
    cloud.crash()
    engine.clear_faults()
    cloud.start()
    status = cloud.finish("images/big:1")
    assert status["state"] == "active"
    assert [record.id for record in glance.records("big")] == [status["target-id"]]


def test_a_record_that_no_job_claims_is_removed_after_a_kill(cloud, glance):
    """Killed between the record and the job: the write never returned, and nothing is left of it."""
    glance.fault(CREATE, stall_after=1)
    writer = proc.Process(["sh", "-c", 'echo > "$1"', "sh", str(cloud.path / "images/busybox:latest/push")],
                          cloud.path.parent / "writer.log", cloud.env)
    wait_until(lambda: glance.records(), 5, "the record")
    cloud.crash()
    writer.kill()
    glance.clear_faults()
    cloud.start()
    wait_until(lambda: glance.records() == [], 10, "the record is removed")
    assert cloud.list("jobs") == []


def test_a_push_that_was_sent_whole_is_only_verified(cloud, glance):
    glance.fault(r"^GET /v2/images/[^/?]+$", skip=1, times=None, silent=True)
    cloud.write("images/busybox:latest/push", "")
    wait_until(lambda: cloud.word("images/busybox:latest/state") == "verifying", 10, "the verification")
    cloud.crash()
    glance.clear_faults()
    cloud.start()
    assert cloud.finish("images/busybox:latest")["state"] == "active"
    assert glance.count(UPLOAD) == 1
    assert len(glance.records("busybox")) == 1


def test_a_cancelled_job_stays_cancelled_after_a_kill(cloud, engine, glance):
    engine.commit_gate = threading.Event()
    cloud.write(COMMIT, "foo:1 push=glance")
    cloud.write("jobs/1/cancel", "yes")
    cloud.crash()
    engine.commit_gate.set()
    cloud.start()
    with fails_with("ECANCELED"):
        cloud.read("jobs/1/wait")
    assert cloud.word("jobs/1/state") == "cancelled"
    wait_until(lambda: glance.records() == [], 10, "its record is removed")


def test_an_unmount_leaves_a_running_push_to_the_next_mount(cloud, engine, glance):
    engine.add_image("big:1", size=8_000_000, quiet=False)
    cloud.appears("images/big:1")
    engine.fault(EXPORT, rate=1_000_000)
    cloud.write("images/big:1/push", "")
    wait_until(lambda: cloud.word("images/big:1/state") == "uploading", 10, "the upload")
    cloud.stop()
    engine.clear_faults()
    cloud.start()
    assert cloud.finish("images/big:1")["state"] == "active"
    assert len(glance.records("big")) == 1


def test_a_second_mount_on_the_same_state_is_refused(tree, folder):
    done = proc.run([*tree.argv()[:-1], folder], environment(folder), check=False, timeout=30)
    assert done.returncode == 1
    assert "in use by another commitfs" in done.stderr and "state=" in done.stderr


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_journal_is_put_aside_and_said(tree, damage):
    tree.write(COMMIT, "foo:1")
    tree.finish(IMAGE)
    tree.stop()
    for part in tree.state.glob("journal.sqlite-*"):
        part.unlink()
    (tree.state / "journal.sqlite").write_bytes(damage)
    tree.start()
    assert "damaged" in tree.keyed("status")["error"]
    aside = list(tree.state.glob("journal.sqlite.damaged-*"))
    assert len(aside) == 1 and aside[0].read_bytes() == damage
    tree.write(COMMIT, "foo:2")
    tree.finish("images/foo:2")


def test_the_journal_is_for_its_owner_alone(tree):
    tree.write(COMMIT, "foo:1")
    for path in tree.state.glob("journal.sqlite*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_mount_point_that_a_killed_one_left_is_cleared(tree):
    tree.process.kill()
    with pytest.raises(OSError, match="not connected"):
        tree.list()
    tree.start()
    # start() takes the dead mount for a new one; the new one answers
    wait_until(lambda: subprocess.run(["test", "-e", tree.path / "status"]).returncode == 0, 10, "the new mount")
    assert tree.word("containers/web/state") == "running"


def test_a_service_manager_is_told(folder, mount, web):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(20)
        tree = mount(NOTIFY_SOCKET=str(folder / "notify"))
        assert manager.recv(100) == b"READY=1"
        tree.process.signal(15)
        assert manager.recv(100) == b"STOPPING=1"
        assert tree.process.wait(20) == 0
    Mount.active.discard(tree)
