# SPDX-License-Identifier: Apache-2.0
"""Jobs: their order, their states, their files, their ends."""

import hashlib
import json
import os
import threading

import pytest

from lib.mount import fails_with
from lib.proc import wait_until
from lib.scripted import (CREATE, EXPORT, JOB_FILES, STATUS_KEYS, UPLOAD, blocked, image_of, no_auth, spawn)
from lib.scripted_archive import load

COMMIT = "containers/web/commit"
PUSH = "containers/web/push"
IMAGE = "images/busybox:latest"


@pytest.fixture
def held(engine):
    """Commits stay in their middle until this is set."""
    engine.commit_gate = threading.Event()
    return engine.commit_gate


def job_of(tree, path):
    return tree.keyed(f"{path}/status")["job"]


# --- commit

def test_a_commit_makes_one_image_that_says_committed(tree, engine, web):
    tree.write(COMMIT, "foo:1 author=me message=hi")
    status = tree.finish("containers/web")
    image = engine.find_image("foo:1")
    assert list(status) == STATUS_KEYS
    assert (status["operation"], status["state"], status["image"]) == ("commit", "committed", "foo:1")
    assert status["container"] in ("web", web.id) and status["image-id"] == image.id and status["error"] == ""
    assert tree.word("images/foo:1/state") == "committed"
    assert tree.keyed("images/foo:1/status")["job"] == status["job"]
    assert tree.word("images/foo:1/author") == "me"
    assert engine.count(r"^POST .*/commit\?") == 1


def test_the_write_returns_before_the_commit_is_done(tree, held, engine):
    tree.write(COMMIT, "foo:1")
    wait_until(lambda: engine.committing, 5, "the engine is at it")
    assert tree.keyed("containers/web/status")["state"] == "committing"
    assert tree.word("images/foo:1/state") == "committing"
    held.set()
    assert tree.finish("containers/web")["state"] == "committed"


def test_a_committed_image_is_there_without_a_gap(tree):
    """From the write on its directory exists: when the job is done, the engine's event may still be on its way."""
    for n in range(20):
        tree.write(COMMIT, f"foo:{n}")
        states = []
        while states[-5:] != ["committed"] * 5:
            states.append(tree.word(f"images/foo:{n}/state"))
        assert set(states) <= {"committing", "committed"}
        assert tree.word(f"images/foo:{n}/id").startswith("sha256:")


def test_times_of_a_job_are_in_order(tree):
    tree.write(COMMIT, "foo:1")
    status = tree.finish("containers/web")
    assert status["started"].endswith("Z") and status["started"] <= status["finished"]


def test_two_commits_of_one_container_run_one_after_the_other(tree, held, engine):
    for tag in "123":
        tree.write(COMMIT, f"foo:{tag}")
    wait_until(lambda: engine.committing, 5, "the engine is at it")
    held.set()
    tree.finish("containers/web")
    assert engine.most_committing == 1
    assert [ref for _, ref, _ in engine.commits] == ["foo:1", "foo:2", "foo:3"]


def test_commits_of_different_containers_run_at_once(engine, held, mount):
    engine.add_containers(3, quiet=True)
    tree = mount()
    for name in tree.list("containers"):
        tree.write(f"containers/{name}/commit", f"{name}:1")
    wait_until(lambda: engine.committing == 3, 5, "three commits at once")


def test_no_more_jobs_than_told_run_at_once(engine, held, mount):
    engine.add_containers(5, quiet=True)
    tree = mount("--jobs=2")
    for name in tree.list("containers"):
        tree.write(f"containers/{name}/commit", f"{name}:1")
    wait_until(lambda: engine.committing == 2, 5, "two commits")
    status = tree.keyed("status")
    assert (status["jobs-running"], status["jobs-queued"]) == ("2", "3")
    held.set()
    for name in tree.list("containers"):
        tree.finish(f"containers/{name}")
    assert engine.most_committing == 2


def test_a_refused_commit_is_told_by_wait_and_status(tree, engine):
    engine.fault(r"^POST .*/commit", status=403, body={"message": "authorization denied by plugin"})
    tree.write(COMMIT, "foo:1")
    with fails_with("EPERM"):
        tree.finish("containers/web")
    status = tree.keyed("containers/web/status")
    assert status["state"] == "failed" and "authorization denied" in status["error"]


def test_a_commit_that_fails_for_a_moment_is_tried_again(tree, engine):
    engine.fault(r"^POST .*/commit", status=503, body={"message": "busy"})
    tree.write(COMMIT, "foo:1")
    status = tree.finish("containers/web")
    assert status["state"] == "committed" and int(status["attempt"]) == 2


def test_a_container_that_vanished_in_the_queue_fails_its_commit(tree, held, engine, web):
    tree.write(COMMIT, "foo:1")
    wait_until(lambda: engine.committing, 5, "the first commit")
    tree.write(COMMIT, "foo:2")
    second = max(tree.list("jobs"), key=int)
    engine.remove(web, force=True)
    held.set()
    with fails_with("ENOENT"):
        tree.finish(f"jobs/{second}")


# --- push

def test_a_push_ends_active_and_verified(cloud, engine, glance):
    image = engine.find_image("busybox")
    cloud.write(PUSH, "busybox")
    status = cloud.finish(IMAGE)
    record = glance.only("busybox")
    assert (status["operation"], status["state"], status["error"]) == ("push", "active", "")
    assert status["target-id"] == record.id and status["target"].startswith("glance")
    assert record.status == "active" and record.tags == ["latest"]
    assert (record.about["container_format"], record.about["disk_format"]) == ("docker", "raw")
    assert image_of(record.data.read()) == image.id
    assert status["bytes"] == str(record.size) and status["percent"] == "100"
    assert cloud.word(f"{IMAGE}/state") == "active"
    assert glance.count(UPLOAD) == 1


def test_the_record_tells_where_the_image_came_from(cloud, engine, glance, web):
    cloud.write(COMMIT, "foo:1 push=glance")
    cloud.finish("containers/web")
    said = json.dumps(glance.only("foo").about)
    assert web.id in said and engine.find_image("foo:1").id.removeprefix("sha256:") in said


def test_the_record_is_there_when_the_write_returns(cloud, engine, glance):
    engine.fault(EXPORT, gate=threading.Event())
    cloud.write(PUSH, "busybox")
    record = glance.only("busybox")
    assert record.status == "queued"
    assert cloud.keyed(f"{IMAGE}/status")["target-id"] == record.id


def test_a_push_waits_for_its_commit(cloud, held, engine, glance):
    cloud.write(COMMIT, "foo:1")
    wait_until(lambda: engine.committing, 5, "the engine is at it")
    cloud.write(PUSH, "foo:1")
    assert glance.count(UPLOAD) == 0
    held.set()
    assert cloud.finish("images/foo:1")["state"] == "active"
    assert image_of(glance.only("foo").data.read()) == engine.find_image("foo:1").id


def test_a_push_of_a_commit_that_failed_fails_too(cloud, engine, glance):
    gate = threading.Event()
    engine.fault(r"^POST .*/commit", gate=gate, status=403, body={"message": "no"})
    cloud.write(COMMIT, "foo:1")
    cloud.write(PUSH, "foo:1")
    job = max(cloud.list("jobs"), key=int)
    gate.set()
    with pytest.raises(OSError):
        cloud.finish(f"jobs/{job}")
    assert not [r for r in glance.records("foo") if r.status != "queued"]


def test_exporting_is_said_while_no_byte_has_come(cloud, engine):
    engine.export_seconds = 2
    cloud.write(PUSH, "busybox")
    cloud.becomes(f"{IMAGE}/state", "exporting", 2)
    assert cloud.finish(IMAGE)["state"] == "active"


def test_uploading_says_how_far_it_is(web, engine, glance, mount):
    engine.add_image("big:1", size=4_000_000, quiet=True)
    cloud = mount(**no_auth(glance))
    engine.fault(EXPORT, stall_after=2_000_000)
    cloud.write("images/big:1/push", "")
    cloud.becomes("images/big:1/state", "uploading", 5)
    wait_until(lambda: int(cloud.keyed("images/big:1/status")["bytes"] or 0) > 1_000_000, 5, "a million bytes")
    status = cloud.keyed("images/big:1/status")
    assert 25 <= int(status["percent"]) <= 60
    assert abs(int(status["total"]) - 4_000_000) < 200_000
    line = cloud.read("images/big:1/progress")
    assert line.count("\n") == 1 and f"{status['percent']}%" in line.replace(" ", "")


def test_percent_never_passes_a_hundred_nor_falls(web, engine, glance, mount):
    engine.add_image("big:1", size=3_000_000, quiet=True)
    engine.find_image("big:1").size = 1_000_000     # what the engine knows is less than what comes
    cloud = mount(**no_auth(glance))
    engine.fault(EXPORT, rate=2_000_000)
    cloud.write("images/big:1/push", "")
    seen = []
    while cloud.word("images/big:1/state") not in ("active", "failed"):
        seen.append(int(cloud.keyed("images/big:1/status")["percent"] or 0))
    assert seen == sorted(seen) and max(seen) <= 100


def test_two_pushes_of_one_image_to_two_names_make_two_records(cloud, glance):
    cloud.write(PUSH, "busybox to=glance:one")
    cloud.write(PUSH, "busybox to=glance:two")
    cloud.finish(IMAGE)
    assert glance.only("one").status == glance.only("two").status == "active"
    assert glance.only("one").hash_value == glance.only("two").hash_value


def test_a_tag_that_moves_on_does_not_change_what_is_pushed(cloud, engine, glance):
    first = engine.find_image("busybox")
    gate = threading.Event()
    engine.fault(EXPORT, gate=gate)
    cloud.write(PUSH, "busybox")
    second = engine.add_image("busybox:latest", size=1000, seed=7)
    cloud.becomes(f"{IMAGE}/id", second.id)
    gate.set()
    job = cloud.list("jobs")[-1]
    assert cloud.finish(f"jobs/{job}")["state"] == "active"
    assert image_of(glance.only("busybox").data.read()) == first.id


# --- the files of a job

def test_a_job_has_every_file(tree):
    tree.write(COMMIT, "foo:1")
    job = job_of(tree, "containers/web")
    assert tree.list("jobs") == [job]
    assert set(tree.list(f"jobs/{job}")) == JOB_FILES
    status = tree.finish(f"jobs/{job}")
    assert status == tree.keyed("containers/web/status")
    assert tree.word(f"jobs/{job}/state") == "committed"
    assert "foo:1" in tree.read(f"jobs/{job}/log")


def test_numbers_of_jobs_rise(tree):
    for tag in "123":
        tree.write(COMMIT, f"foo:{tag}")
    tree.finish("containers/web")
    numbers = sorted(map(int, tree.list("jobs")))
    assert len(numbers) == 3 and job_of(tree, "containers/web") == str(numbers[-1])


def test_wait_blocks_until_the_job_is_done(tree, held, engine):
    tree.write(COMMIT, "foo:1")
    job = job_of(tree, "containers/web")
    waits = [f"jobs/{job}/wait", "containers/web/wait", "images/foo:1/wait"]
    with blocked([spawn("cat", tree.path / path) for path in waits]) as children:
        held.set()
        for child in children:
            assert child.wait(10) == 0
            assert "state committed" in child.stdout.read()


def test_wait_of_a_failed_job_fails_for_cat(tree, engine):
    engine.fault(r"^POST .*/commit", status=507, body={"message": "no space left on device"})
    tree.write(COMMIT, "foo:1")
    child = spawn("cat", tree.path / "containers/web/wait")
    assert child.wait(10) == 1
    assert os.strerror(28) in child.stdout.read()
    child.stdout.close()


def test_wait_can_be_read_again(tree):
    tree.write(COMMIT, "foo:1")
    assert tree.finish("containers/web") == tree.finish("containers/web")


# --- cancel

def test_a_cancelled_upload_leaves_nothing_that_says_active(cloud, engine, glance):
    stall = engine.fault(EXPORT, stall_after=50_000)
    cloud.write(PUSH, "busybox")
    wait_until(lambda: stall.hits, 5, "the export")
    job = job_of(cloud, IMAGE)
    cloud.write(f"jobs/{job}/cancel", "1")
    with fails_with("ECANCELED"):
        cloud.finish(f"jobs/{job}")
    assert cloud.word(f"jobs/{job}/state") == "cancelled"
    assert cloud.word(f"{IMAGE}/state") == "cancelled"
    assert "active" not in [s for r in glance.records() for s in r.history]
    assert glance.records("busybox") == []
    wait_until(lambda: engine.seen(EXPORT)[0].client_gone, 5, "the export is hung up")


def test_a_queued_job_can_be_cancelled(tree, held, engine):
    tree.write(COMMIT, "foo:1")
    tree.write(COMMIT, "foo:2")
    first, second = sorted(tree.list("jobs"), key=int)
    tree.write(f"jobs/{second}/cancel", "x")
    with fails_with("ECANCELED"):
        tree.finish(f"jobs/{second}")
    held.set()
    assert tree.finish(f"jobs/{first}")["state"] == "committed"
    assert [ref for _, ref, _ in engine.commits] == ["foo:1"]


def test_a_job_that_waits_for_its_next_attempt_can_be_cancelled(cloud, glance):
    glance.fault(UPLOAD, times=None, status=503)
    cloud.write(PUSH, "busybox")
    cloud.becomes(f"{IMAGE}/state", "waiting", 10)
    job = job_of(cloud, IMAGE)
    cloud.write(f"jobs/{job}/cancel", "1")
    with fails_with("ECANCELED"):
        cloud.finish(f"jobs/{job}")
    assert glance.records("busybox") == []


def test_a_push_that_waits_for_a_cancelled_commit_ends(cloud, held, engine, glance):
    cloud.write(COMMIT, "foo:0")
    cloud.write(COMMIT, "foo:1")
    cloud.write(PUSH, "foo:1")
    _, commit, push = sorted(cloud.list("jobs"), key=int)
    cloud.write(f"jobs/{commit}/cancel", "1")
    held.set()
    with pytest.raises(OSError):
        cloud.finish(f"jobs/{push}")
    assert glance.count(UPLOAD) == 0


def test_cancelling_a_finished_job_changes_nothing(tree):
    tree.write(COMMIT, "foo:1")
    job = tree.finish("containers/web")["job"]
    try:
        tree.write(f"jobs/{job}/cancel", "1")
    except OSError:
        pass    # saying so is as good as ignoring it
    assert tree.word(f"jobs/{job}/state") == "committed"


# --- the embedded target

def test_the_embedded_target_holds_an_archive_and_its_record(tree, engine, folder, web, mount):
    store = folder / "store"
    mounted = mount(f"--dir={store}", "--store=dir")
    mounted.write("images/busybox:latest/push", "")
    assert mounted.finish(IMAGE)["state"] == "active"
    files = [p for p in store.rglob("*") if p.is_file()]
    record, = [p for p in files if p.suffix == ".json"]
    archive, = [p for p in files if p.suffix != ".json"]
    about, data = json.loads(record.read_text()), archive.read_bytes()
    assert image_of(data) == engine.find_image("busybox").id
    assert (about["name"], about["tags"], about["status"]) == ("busybox", ["latest"], "active")
    assert (about["size"], about["container_format"], about["disk_format"]) == (len(data), "docker", "raw")
    assert about["os_hash_value"] == hashlib.new(about["os_hash_algo"], data).hexdigest()


def test_the_embedded_target_keeps_no_half_image(tree, engine, folder, mount):
    store = folder / "store"
    mounted = mount(f"--dir={store}", "--store=dir", "--retries=1")
    engine.fault(EXPORT, times=None, short_after=100_000)
    mounted.write("images/busybox:latest/push", "")
    with pytest.raises(OSError):
        mounted.finish(IMAGE)
    large = [p for p in store.rglob("*") if p.is_file() and p.stat().st_size > 10_000]
    assert large == []


def test_an_archive_that_is_pushed_can_be_loaded(cloud, glance):
    cloud.write(COMMIT, "foo:1 push=glance")
    cloud.finish("containers/web")
    (_, refs, sizes), = load([glance.only("foo").data.read()])
    assert len(sizes) == 2 and refs in (["foo:1"], [])


# --- what an image service refuses at once

@pytest.mark.parametrize("status, name", [(400, "EINVAL"), (401, "EACCES"), (403, "EPERM"), (404, "ENOENT"),
                                          (409, "EBUSY"), (413, "EDQUOT"), (500, "EREMOTEIO"), (503, "EREMOTEIO"),
                                          (507, "ENOSPC")])
def test_a_refusal_is_an_error_of_the_write_and_leaves_no_record(cloud, glance, status, name):
    glance.fault(CREATE, times=None, status=status, body={"message": "no", "code": f"{status} No", "title": "No"})
    with fails_with(name):
        cloud.write(PUSH, "busybox")
    assert glance.records() == []
    assert glance.count(UPLOAD) == 0


def test_a_service_that_does_not_listen_is_an_error_of_the_write(cloud, glance):
    glance.refuse()
    with fails_with("ECONNREFUSED"):
        cloud.write(PUSH, "busybox")
    glance.listen()
    assert glance.records() == []
    cloud.write(PUSH, "busybox")
    assert cloud.finish(IMAGE)["state"] == "active"


def test_a_service_that_comes_up_later_is_used(web, glance, mount):
    glance.refuse()
    cloud = mount(**no_auth(glance))
    glance.listen()
    cloud.write(PUSH, "busybox")
    assert cloud.finish(IMAGE)["state"] == "active"


def test_a_command_tells_a_refusal(cloud, glance):
    glance.fault(CREATE, times=None, status=403, body={"message": "no"})
    child = spawn("/bin/sh", "-c", 'echo busybox | tee "$1"', "sh", cloud.path / PUSH)    # dash's echo names no cause
    assert child.wait(10) != 0
    assert "not permitted" in child.stdout.read()
    child.stdout.close()
