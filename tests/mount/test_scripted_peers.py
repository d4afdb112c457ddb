# SPDX-License-Identifier: Apache-2.0
"""The scripted peers are what they claim: Docker's own client believes the engine, and each fault really happens."""

import hashlib
import json
import subprocess

import pytest

from lib import proc
from lib.scripted import image_of
from lib.scripted_glance import ScriptedGlance

DOCKER = "/usr/bin/docker"


def curl(url, *args, socket=None, timeout=3):
    """(curl's exit status, HTTP status, body)"""
    words = ["curl", "-s", "-m", str(timeout), "-w", "%{stderr}%{http_code}", *args, url]
    words += ["--unix-socket", socket] if socket else []
    done = subprocess.run(words, capture_output=True, timeout=30, check=False)
    return done.returncode, int(done.stderr or 0), done.stdout


@pytest.fixture
def docker(engine, folder):
    def call(*args):
        return proc.run([DOCKER, "-H", engine.url, *args], proc.clean_env(folder), timeout=30).stdout
    return call


def test_dockers_client_sees_containers_and_images(engine, web, docker):
    engine.pause(web)
    assert docker("ps", "-a", "--format", "{{.Names}} {{.State}} {{.Image}}").split() == ["web", "paused",
                                                                                          "busybox:latest"]
    assert json.loads(docker("inspect", "web"))[0]["Id"] == web.id
    assert docker("images", "--format", "{{.Repository}}:{{.Tag}}").split() == ["busybox:latest"]


def test_dockers_client_commits_and_saves(engine, web, docker):
    ident = docker("commit", "-a", "me", "-m", "hi", "-c", "ENV A=1", "web", "foo:1").strip()
    assert engine.commits == [("web", "foo:1", True)]
    about = json.loads(docker("inspect", "foo:1"))[0]
    assert (about["Author"], about["Comment"], about["Id"]) == ("me", "hi", ident)
    assert "A=1" in about["Config"]["Env"]
    data = subprocess.run([DOCKER, "-H", engine.url, "save", "foo:1"], stdout=subprocess.PIPE, check=True).stdout
    assert image_of(data) == ident


def test_an_archive_holds_the_layers_that_its_configuration_names(engine):
    import io
    import tarfile
    _, _, data = curl("http://d/images/busybox/get", socket=engine.path)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        manifest, = json.load(tar.extractfile("manifest.json"))
        config = json.load(tar.extractfile(manifest["Config"]))
        layers = [tar.extractfile(name).read() for name in manifest["Layers"]]
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]


def test_events_are_streamed_and_since_replays(engine, web):
    with subprocess.Popen(["curl", "-sN", "--unix-socket", engine.path, "http://d/v1.41/events"],
                          stdout=subprocess.PIPE, text=True) as child:
        engine.wait_for("/events", answered=True)
        engine.pause(web)
        engine.rename(web, "shop")
        pause, rename = (json.loads(child.stdout.readline()) for _ in range(2))
        assert engine.drop_streams() == 1
        assert child.wait(5) == 18      # cut in mid-chunk
    assert (pause["status"], pause["id"], pause["from"]) == ("pause", web.id, "busybox:latest")
    assert rename["Actor"]["Attributes"] == {"k": "v", "image": "busybox:latest", "name": "shop", "oldName": "/web"}
    _, _, replayed = curl(f"http://d/events?since={pause['time']}&until=9999999999", socket=engine.path)
    assert [json.loads(line)["status"] for line in replayed.splitlines()] == ["pause", "rename"]


def test_filters_narrow_the_list(engine, web):
    engine.add_container("other")
    for value in (f'{{"id":["{web.id[:9]}"]}}', f'{{"id":{{"{web.id}":true}}}}'):
        _, _, body = curl("http://d/v1.41/containers/json", "-G", "--data-urlencode", f"filters={value}", "-d", "all=1",
                          socket=engine.path)
        assert [c["Names"] for c in json.loads(body)] == [["/web"]]


WHOLE, CUT, TIMEOUT, NOTHING = 0, 18, 28, 52
FAULTS = [({"cut_after": 1000}, CUT, 1000), ({"cut_after": 1000, "how": "reset"}, CUT, 1000),
          ({"short_after": 1000}, WHOLE, 1000), ({"truncate": 70}, WHOLE, 70), ({"stall_after": 100}, TIMEOUT, 100),
          ({"silent": True}, TIMEOUT, 0), ({"drop": True}, NOTHING, 0), ({"drop_answer": True}, NOTHING, 0),
          ({"status": 503}, WHOLE, 0), ({"rate": 20_000}, TIMEOUT, None)]


@pytest.mark.parametrize("what, status, length", FAULTS, ids=[str(what) for what, _, _ in FAULTS])
def test_each_fault_happens_once(engine, what, status, length):
    _, _, good = curl("http://d/images/busybox/get", socket=engine.path)
    engine.fault("^GET /images/.*/get", **what)
    got, _, body = curl("http://d/images/busybox/get", socket=engine.path, timeout=1)
    assert got == status
    assert length is None or len(body) == length and good.startswith(body)
    assert curl("http://d/images/busybox/get", socket=engine.path) == (WHOLE, 200, good)


def test_a_corrupt_byte_is_one_byte(engine):
    _, _, good = curl("http://d/images/busybox/get", socket=engine.path)
    engine.fault("/get", corrupt_at=5000)
    _, _, bad = curl("http://d/images/busybox/get", socket=engine.path)
    assert [n for n, (a, b) in enumerate(zip(good, bad)) if a != b] == [5000]


def test_an_error_inside_a_200_stream_ends_it_cleanly(engine):
    engine.fault("/get", error_after=5000, error="boom")
    got, status, body = curl("http://d/images/busybox/get", socket=engine.path)
    assert (got, status) == (WHOLE, 200)
    assert json.loads(body[5000:])["error"] == "boom"


def test_refused_deaf_and_back(engine):
    engine.refuse()
    assert curl("http://d/_ping", socket=engine.path)[0] == 7
    engine.listen()
    engine.deaf = True
    assert curl("http://d/_ping", socket=engine.path, timeout=1)[0] == TIMEOUT
    engine.deaf = False
    assert curl("http://d/_ping", socket=engine.path) == (0, 200, b"OK")


@pytest.fixture
def record(glance):
    return glance.add("x", status="queued")


def put(glance, record, folder, *args):
    (folder / "data").write_bytes(b"x" * 3_000_000)
    return curl(f"{glance.url}/v2/images/{record.id}/file", "-T", str(folder / "data"), "-H",
                "Content-Type: application/octet-stream", *args)


@pytest.mark.parametrize("args", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]])
def test_an_upload_is_stored_and_hashed(glance, record, folder, args):
    assert put(glance, record, folder, *args)[:2] == (0, 204)
    assert (record.status, record.size) == ("active", 3_000_000)
    assert record.hash_value == hashlib.sha512(b"x" * 3_000_000).hexdigest()
    assert curl(f"{glance.url}/v2/images/{record.id}/file")[2] == b"x" * 3_000_000
    assert put(glance, record, folder, *args)[1] == 409


@pytest.mark.parametrize("what", [{"upload_cut_after": 1_000_000}, {"upload_cut_after": 1_000_000, "how": "reset"}])
def test_an_upload_that_is_cut_leaves_a_queued_record(glance, record, folder, what):
    glance.fault("^PUT", **what)
    assert put(glance, record, folder)[0] != 0
    proc.wait_until(lambda: record.history == ["queued", "queued", "saving", "queued"], 5, "the record is queued")


def test_an_upload_to_a_dying_service_sticks(glance, record, folder):
    glance.fault("^PUT", upload_stick_after=1_000_000)
    assert put(glance, record, folder)[0] != 0
    assert record.status == "saving" and put(glance, record, folder)[1] == 409


def test_an_early_refusal_takes_no_byte(glance, record, folder):
    glance.fault("^PUT", status=503)
    assert put(glance, record, folder)[:2] == (0, 503)
    assert glance.requests[-1].body_length == 0


def test_lists_are_paged(glance):
    for n in range(60):
        glance.add(f"n{n}", b"x")
    found, url = [], "/v2/images?limit=25"
    while url:
        page = json.loads(curl(glance.url + url)[2])
        found += [r["name"] for r in page["images"]]
        url = page.get("next")
    assert sorted(found) == sorted(f"n{n}" for n in range(60))


def test_tokens_are_checked_and_expire(glance, keystone):
    user = {"name": "demo", "domain": {"name": "Default"}, "password": "demopw"}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                     "scope": {"project": {"name": "demo", "domain": {"id": "default"}}}}}
    assert curl(keystone.auth_url + "/auth/tokens", "-d", json.dumps(body))[1] == 201
    token, = keystone.tokens
    assert curl(glance.url + "/v2/images", "-H", f"X-Auth-Token: {token}")[1] == 200
    keystone.revoke_all()
    assert curl(glance.url + "/v2/images", "-H", f"X-Auth-Token: {token}")[1] == 401
    user["password"] = "wrong"
    assert curl(keystone.auth_url + "/auth/tokens", "-d", json.dumps(body))[1] == 401


def test_a_peer_may_listen_on_a_unix_socket(folder):
    with ScriptedGlance(folder / "g.sock") as server:
        assert curl("http://g/v2/images", socket=server.path)[1] == 200
