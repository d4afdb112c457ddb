# SPDX-License-Identifier: Apache-2.0
"""Pushes to a real Glance, looked at with the official client."""

import hashlib
import itertools
import json
import socket
import time
from signal import SIGINT

import pytest
from lib.mount import fails_with
from lib.openstack import Credentials, client, write_yaml
from lib.proc import Process, wait_until

STATUS_KEYS = ["job", "operation", "container", "image", "image-id", "target", "target-id", "state", "percent", "bytes",
               "total", "rate", "eta", "attempt", "started", "finished", "error"]
_numbers = itertools.count(1)


@pytest.fixture
def name(request):
    """An image name of the test's own: the image services live as long as the run."""
    return f"img-{next(_numbers)}"


@pytest.fixture
def image(engine, web, name):
    """A committed image, NAME:1.0."""
    engine.docker("commit", "web", f"{name}:1.0")
    return f"{name}:1.0"


def push(mounted, ref, target=""):
    """Push an image and wait for it; the job's final status."""
    mounted.appears(f"images/{ref}")
    mounted.write(f"images/{ref}/push", target)
    return mounted.finish(f"images/{ref}")


def only_record(glance, name, token=None):
    records = glance.images(token, name=name)
    assert len(records) == 1, records
    return records[0]


def check_record(glance, name, token=None, tag="1.0"):
    record = only_record(glance, name, token)
    data = glance.data(record["id"], token)
    assert record["status"] == "active"
    assert record["tags"] == [tag]
    assert (record["container_format"], record["disk_format"]) == ("docker", "raw")
    assert record["size"] == len(data)
    assert record["os_hash_value"] == hashlib.new(record["os_hash_algo"], data).hexdigest()
    return record


def test_the_official_client_agrees(root, engine, second_engine, image, name, cloud, demo, glance, keystone):
    image_id = engine.image_id(image)
    final = push(cloud, image)
    assert (final["state"], final["image"], final["percent"]) == ("active", image, "100")
    assert cloud.word(f"images/{image}/state") == "active"

    shown = json.loads(client(demo, root, "image", "show", "-f", "json", final["target-id"]))
    assert (shown["name"], shown["tags"], shown["status"]) == (name, ["1.0"], "active")
    assert (shown["container_format"], shown["disk_format"]) == ("docker", "raw")
    assert shown["owner"] == keystone.project_id

    saved = root / f"{name}.tar"
    client(demo, root, "image", "save", "--file", str(saved), final["target-id"])
    data = saved.read_bytes()
    assert shown["size"] == len(data) == int(final["bytes"])
    assert shown["properties"]["os_hash_algo"] == "sha512"
    assert shown["properties"]["os_hash_value"] == hashlib.sha512(data).hexdigest()

    second_engine.load(data)
    assert second_engine.image_id(image) == image_id


def test_properties_say_where_it_came_from(engine, web, name, cloud, glance, keystone):
    cloud.write("containers/web/commit", f"{name}:1.0 push=glance")
    cloud.finish("containers/web")
    record = only_record(glance, name, keystone.token())
    values = [value for value in record.values() if isinstance(value, str)]
    container = engine.inspect("web")["Id"]
    assert any(value in ("web", container) for value in values), record
    assert any(socket.gethostname() in value for value in values), record
    assert any(engine.image_id(f"{name}:1.0").removeprefix("sha256:") in value for value in values), record


def test_commit_and_push_in_one_request(engine, web, name, cloud, glance, keystone):
    cloud.write("containers/web/commit", f"{name}:1.0 push=glance")
    assert cloud.finish("containers/web")["state"] == "active"
    check_record(glance, name, keystone.token())
    assert engine.has_image(f"{name}:1.0")
    cloud.appears(f"images/{name}:1.0")
    assert cloud.word(f"images/{name}:1.0/state") == "active"


def test_a_push_waits_for_its_commit(engine, web, name, cloud, glance, keystone):
    engine.grow("web", 32)
    cloud.write("containers/web/commit", f"{name}:1.0")
    cloud.write("containers/web/push", f"{name}:1.0")
    assert cloud.finish("containers/web")["state"] == "active"
    check_record(glance, name, keystone.token())


def test_an_empty_push_takes_the_newest_snapshot(engine, web, name, cloud, glance, keystone):
    for tag in ("old", "new"):
        cloud.write("containers/web/commit", f"{name}:{tag}")
        cloud.finish("containers/web")
    cloud.write("containers/web/push", "")
    assert cloud.finish("containers/web")["state"] == "active"
    check_record(glance, name, keystone.token(), tag="new")


@pytest.mark.parametrize("place", ["container", "image"])
def test_a_target_with_a_name(engine, web, image, name, cloud, glance, keystone, place):
    cloud.appears(f"images/{image}")
    if place == "container":
        cloud.write("containers/web/push", f"{image} to=glance:{name}-there:2")
    else:
        cloud.write(f"images/{image}/push", f"glance:{name}-there:2")
    cloud.finish(f"images/{image}")
    check_record(glance, f"{name}-there", keystone.token(), tag="2")


def test_the_record_is_there_when_the_write_returns(image, name, cloud, glance, keystone):
    cloud.appears(f"images/{image}")
    cloud.write(f"images/{image}/push", "")
    target = cloud.keyed(f"images/{image}/status")["target-id"]
    assert glance.image(target, keystone.token())["status"] in ("queued", "saving", "active")
    cloud.finish(f"images/{image}")


def test_status_has_all_keys_in_order(image, cloud):
    final = push(cloud, image)
    assert list(final) == STATUS_KEYS
    assert final["target-id"] and final["started"] <= final["finished"]
    assert final["error"] == ""
    assert list(cloud.keyed("containers/web/status")) == STATUS_KEYS


def test_a_second_push_of_an_image(image, name, cloud, glance, keystone):
    """The name is there already: it is fine to make another record or to say so, but not to break the first."""
    push(cloud, image)
    first = only_record(glance, name, keystone.token())
    try:
        push(cloud, image)
    except OSError:
        pass
    assert glance.image(first["id"], keystone.token())["status"] == "active"
    assert {record["status"] for record in glance.images(keystone.token(), name=name)} == {"active"}


def test_no_such_image(web, name, cloud, glance, keystone):
    with fails_with("ENOENT"):
        cloud.write("containers/web/push", f"{name}:1.0")
    assert glance.images(keystone.token(), name=name) == []


# --- ways to log in

def test_password(image, name, mount, keystone, glance):
    mounted = mount(Credentials.password(keystone))
    push(mounted, image)
    check_record(glance, name, keystone.token())
    assert "demopw" not in mounted.process.log_text()


def test_application_credential(image, name, mount, keystone, glance):
    mounted = mount(Credentials.application(keystone))
    push(mounted, image)
    check_record(glance, name, keystone.token())
    assert "appsecret" not in mounted.process.log_text()


def test_token(image, name, mount, keystone, glance):
    push(mount(Credentials.token(keystone, keystone.token())), image)
    check_record(glance, name, keystone.token())


def test_service_without_login(image, name, mount, open_glance):
    push(mount(Credentials.none(open_glance)), image)
    check_record(open_glance, name)


@pytest.mark.parametrize("chosen", ["option", "variable"])
def test_clouds_yaml_in_the_home(root, image, name, mount, keystone, glance, chosen):
    home = root / f"home-{name}"
    entries = {"wrong": Credentials.password(keystone, "norole").entry(), "right": Credentials.password(keystone).entry()}
    write_yaml(home / ".config/openstack/clouds.yaml", entries)
    if chosen == "option":
        mounted = mount(None, "--cloud=right", HOME=home)
    else:
        mounted = mount(None, HOME=home, OS_CLOUD="right")
    push(mounted, image)
    check_record(glance, name, keystone.token())


def test_clouds_yaml_with_secrets_apart(root, image, name, mount, keystone, glance):
    folder = root / f"config-{name}"
    entry = Credentials.password(keystone).entry()
    secret = {"auth": {"password": entry["auth"].pop("password")}}
    write_yaml(folder / "clouds.yaml", {"demo": entry})
    write_yaml(folder / "secure.yaml", {"demo": secret})
    push(mount(None, OS_CLOUD="demo", OS_CLIENT_CONFIG_FILE=folder / "clouds.yaml",
               OS_CLIENT_SECURE_FILE=folder / "secure.yaml"), image)
    check_record(glance, name, keystone.token())


def test_clouds_yaml_with_an_application_credential(root, image, name, mount, keystone, glance):
    path = root / f"config-{name}/clouds.yaml"
    write_yaml(path, {"demo": Credentials.application(keystone).entry()})
    push(mount(None, "--cloud=demo", OS_CLIENT_CONFIG_FILE=path), image)
    check_record(glance, name, keystone.token())


def test_clouds_yaml_without_login(root, image, name, mount, open_glance):
    path = root / f"config-{name}/clouds.yaml"
    write_yaml(path, {"open": Credentials.none(open_glance).entry()})
    push(mount(None, "--cloud=open", OS_CLIENT_CONFIG_FILE=path), image)
    check_record(open_glance, name)


# --- things that take a while

def test_a_token_that_expires_in_mid_job_is_renewed(engine, web, name, mount, short_keystone, glance, keystone):
    before = short_keystone.tokens_issued()
    mounted = mount(Credentials.password(short_keystone))
    engine.grow("web", 64)
    engine.docker("commit", "web", f"{name}:1.0")
    mounted.appears(f"images/{name}:1.0")
    mounted.write(f"images/{name}:1.0/push", "")
    with engine.frozen():
        time.sleep(10)  # the engine prepares slowly, and the token's 8 seconds pass
    assert mounted.finish(f"images/{name}:1.0")["state"] == "active"
    check_record(glance, name, keystone.token())
    assert short_keystone.tokens_issued() >= before + 2


def test_cat_wait(root, engine, web, name, cloud):
    """It blocks while there is a job, can be interrupted, and its exit status is the job's."""
    engine.grow("web", 64)
    engine.docker("commit", "web", f"{name}:1.0")
    cloud.appears(f"images/{name}:1.0")
    cloud.write(f"images/{name}:1.0/push", "")
    with engine.frozen():
        cats = [Process(["/bin/cat", cloud.path / f"images/{name}:1.0/wait"], root / f"cat-{name}.log", cloud.env)
                for _ in range(3)]
        assert cats[0].wait(1) is None
        assert cloud.list("images")  # nobody else has to wait
        cats[1].signal(SIGINT)
        assert cats[1].wait(5) == -SIGINT
    assert cats[0].wait(60) == 0
    assert cats[2].wait(5) == 0
    assert "state active" in cats[0].log_text()


def test_cat_wait_of_a_failed_job(root, engine, web, name, mount, keystone, strict_glance):
    """The service refuses the size when it sees it; `cat` says so with its exit status."""
    mounted = mount(Credentials.password(keystone, region="strict"))
    try:
        mounted.write("containers/web/commit", f"{name}:1.0 push=glance")
    except OSError:
        return  # known early is fine, too
    cat = Process(["/bin/cat", mounted.path / "containers/web/wait"], root / f"cat-{name}.log", mounted.env)
    assert cat.wait(60) == 1
    status = mounted.keyed("containers/web/status")
    assert status["state"] == "failed"
    assert status["error"] != ""


def test_cancel(engine, web, name, cloud, glance, keystone):
    engine.grow("web", 128)
    engine.docker("commit", "web", f"{name}:1.0")
    cloud.appears(f"images/{name}:1.0")
    cloud.write(f"images/{name}:1.0/push", "")
    with engine.frozen():
        job = cloud.keyed(f"images/{name}:1.0/status")["job"]
        assert cloud.word(f"jobs/{job}/state") in ("queued", "exporting", "uploading")
        cloud.write(f"jobs/{job}/cancel", "1")
        with fails_with("ECANCELED"):
            cloud.finish(f"jobs/{job}")
    assert cloud.word(f"jobs/{job}/state") == "cancelled"
    assert cloud.word(f"images/{name}:1.0/state") == "cancelled"
    wait_until(lambda: not glance.images(keystone.token(), name=name), 5, "the record is gone")


def test_the_engine_restarts_in_mid_push(engine, web, name, cloud, glance, keystone):
    """A fault that passes: the job tries again and the image arrives once."""
    engine.grow("web", 64)
    engine.docker("commit", "web", f"{name}:1.0")
    cloud.appears(f"images/{name}:1.0")
    cloud.write(f"images/{name}:1.0/push", "")
    engine.kill()
    engine.start()
    assert cloud.finish(f"images/{name}:1.0")["state"] == "active"
    check_record(glance, name, keystone.token())


def test_progress_and_jobs(image, cloud):
    final = push(cloud, image)
    assert final["job"] in cloud.list("jobs")
    assert cloud.word(f"jobs/{final['job']}/state") == "active"
    assert cloud.keyed(f"jobs/{final['job']}/status") == final
    assert "100" in cloud.read(f"jobs/{final['job']}/progress")
    assert cloud.read(f"jobs/{final['job']}/log") != ""
