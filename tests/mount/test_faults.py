# SPDX-License-Identifier: Apache-2.0
"""Peers that break in the middle: what passes is tried again, what is wrong is never trusted."""

import pytest

from lib.mount import fails_with
from lib.proc import wait_until
from lib.scripted import CREATE, EXPORT, UPLOAD, image_of, no_auth

PUSH = "containers/web/push"
IMAGE = "images/big:1"
TOKENS = r"^POST /v3/auth/tokens"


@pytest.fixture
def big(engine, web):
    """An image large enough to be broken in its middle."""
    return engine.add_image("big:1", size=3_000_000, quiet=True, seed=9)


@pytest.fixture
def cloud(big, glance, mount):
    return mount(**no_auth(glance))


@pytest.fixture
def impatient(big, glance, mount):
    """Gives up after the second attempt."""
    return mount("--retries=1", **no_auth(glance))


@pytest.fixture
def keyed(big, keystone, mount):
    return mount(**keystone.environment())


def pushed(tree, glance, big):
    """Push, to its good end: one record, whole."""
    tree.write(PUSH, "big:1")
    status = tree.finish(IMAGE)
    record = glance.only("big")
    assert status["state"] == record.status == "active"
    assert image_of(record.data.read()) == big.id
    assert status["target-id"] == record.id
    return status


def failed(tree, glance, *names):
    """Push, to its bad end: the errno, the state, and no record that was ever trusted."""
    tree.write(PUSH, "big:1")
    with fails_with(*names):
        tree.finish(IMAGE)
    status = tree.keyed(f"{IMAGE}/status")
    assert status["state"] == "failed" and status["error"]
    assert not [r for r in glance.records("big") if r.status == "active"]
    return status


# --- passing faults of the service

@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_upload_refused_for_a_moment_is_tried_again(cloud, glance, big, status):
    glance.fault(UPLOAD, status=status)
    assert int(pushed(cloud, glance, big)["attempt"]) == 2


def test_waiting_is_said_between_two_attempts(cloud, glance):
    glance.fault(UPLOAD, status=503)
    cloud.write(PUSH, "big:1")
    cloud.becomes(f"{IMAGE}/state", "waiting", 5)
    assert cloud.finish(IMAGE)["state"] == "active"


def test_retry_after_is_kept(cloud, glance, big):
    glance.fault(UPLOAD, status=429, headers={"Retry-After": "3"})
    pushed(cloud, glance, big)
    first, second = glance.seen(UPLOAD)
    assert second.started - first.started >= 2.9


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("after", [0, 1_000_000, 2_900_000])
def test_an_upload_cut_in_mid_body_is_made_again(cloud, glance, big, how, after):
    glance.fault(UPLOAD, upload_cut_after=after, how=how)
    pushed(cloud, glance, big)


def test_an_upload_whose_answer_is_lost_ends_once(cloud, glance, big):
    """Everything arrived, but the connection broke before the 204: the record is active already."""
    glance.fault(UPLOAD, drop_answer=True)
    pushed(cloud, glance, big)
    assert len([r for r in glance.records("big")]) == 1


def test_a_record_stuck_in_saving_does_not_stop_the_push(cloud, glance, big):
    """What a service leaves behind that was killed in mid-upload: no second PUT is taken, the id is lost."""
    glance.fault(UPLOAD, upload_stick_after=1_000_000)
    pushed(cloud, glance, big)


def test_a_refusal_that_does_not_pass_is_not_tried_again(cloud, glance):
    glance.fault(UPLOAD, times=None, status=403, body={"message": "no"})
    failed(cloud, glance, "EPERM")
    assert glance.count(UPLOAD) == 1
    assert glance.records("big") == []


def test_too_large_is_a_quota(cloud, glance):
    glance.size_cap = 1_000_000
    failed(cloud, glance, "EDQUOT")
    assert glance.records("big") == []


def test_over_quota_in_chunks_leaves_no_stuck_record(cloud, glance):
    glance.quota = 1_000_000
    failed(cloud, glance, "EDQUOT")
    assert glance.records("big") == []


def test_retries_end(impatient, glance):
    glance.fault(UPLOAD, times=None, status=503)
    failed(impatient, glance, "EREMOTEIO")
    assert glance.count(UPLOAD) == 2


def test_an_image_deleted_during_the_upload_is_no_success(impatient, engine, glance):
    engine.fault(EXPORT, rate=2_000_000)
    impatient.write(PUSH, "big:1")
    record = glance.only("big")
    wait_until(lambda: record.status == "saving", 5, "the upload")
    del glance.images[record.id]
    record.become("deleted")
    try:
        status = impatient.finish(IMAGE)
    except OSError:
        return
    assert glance.only("big").status == "active" and status["target-id"] == glance.only("big").id


# --- tokens

def test_a_push_with_a_token(keyed, glance, big, keystone):
    pushed(keyed, glance, big)
    assert glance.only("big").owner == keystone.projects["demo"]


def test_a_token_is_used_again(keyed, glance, keystone):
    keyed.write(PUSH, "big:1 to=glance:one")
    keyed.write(PUSH, "big:1 to=glance:two")
    keyed.finish(IMAGE)
    assert keystone.count(TOKENS) == 1


def test_a_401_in_the_middle_of_a_job_gets_a_new_token(keyed, glance, big, keystone):
    glance.fault(UPLOAD, status=401)
    pushed(keyed, glance, big)
    assert keystone.count(TOKENS) == 2


def test_a_token_that_was_revoked_during_the_export_is_renewed(keyed, engine, glance, keystone):
    engine.export_seconds = 1.5
    keyed.write(PUSH, "big:1")
    keystone.revoke_all()
    assert keyed.finish(IMAGE)["state"] == "active"


def test_a_token_that_was_revoked_before_the_write_is_renewed_in_it(keyed, glance, big, keystone):
    pushed(keyed, glance, big)
    keystone.revoke_all()
    keyed.write(PUSH, "big:1 to=glance:again")
    assert keyed.finish(IMAGE)["state"] == "active"
    assert glance.only("again").status == "active"


def test_an_expired_token_is_renewed(big, glance, keystone, mount):
    keystone.lifetime = 2
    tree = mount(**keystone.environment())
    pushed(tree, glance, big)
    wait_until(lambda: not any(t.valid for t in keystone.tokens.values()), 5, "the token's end")
    tree.write(PUSH, "big:1 to=glance:again")
    assert tree.finish(IMAGE)["state"] == "active"


def test_a_wrong_password_is_refused_at_the_write(big, glance, keystone, mount):
    tree = mount(**keystone.environment(OS_PASSWORD="wrong"))
    with fails_with("EACCES"):
        tree.write(PUSH, "big:1")
    assert glance.records() == []


def test_no_endless_loop_of_tokens(keyed, glance, keystone):
    glance.fault(UPLOAD, times=None, status=401)
    failed(keyed, glance, "EACCES")
    assert keystone.count(TOKENS) <= 4


def test_an_identity_service_that_is_down_is_said_at_the_write(keyed, glance, keystone):
    keystone.refuse()
    keystone.revoke_all()
    with fails_with("ECONNREFUSED"):
        keyed.write(PUSH, "big:1")
    assert glance.records() == []


def test_an_application_credential_is_enough(big, glance, keystone, mount):
    ident = keystone.add_app_credential("bot", "s3cret")
    tree = mount(OS_AUTH_URL=keystone.auth_url, OS_AUTH_TYPE="v3applicationcredential",
                 OS_APPLICATION_CREDENTIAL_ID=ident, OS_APPLICATION_CREDENTIAL_SECRET="s3cret",
                 OS_REGION_NAME="RegionOne", OS_IDENTITY_API_VERSION="3")
    pushed(tree, glance, big)


def test_a_token_of_the_users_own_is_enough(big, glance, keystone, mount):
    from lib.scripted_keystone import Token
    token = Token("demo", "demo", ["member"], ["password"], 3600)
    keystone.tokens[token.id] = token
    tree = mount(OS_AUTH_URL=keystone.auth_url, OS_AUTH_TYPE="v3token", OS_TOKEN=token.id, OS_PROJECT_NAME="demo",
                 OS_PROJECT_DOMAIN_NAME="Default", OS_REGION_NAME="RegionOne", OS_IDENTITY_API_VERSION="3")
    pushed(tree, glance, big)


def test_the_endpoint_is_that_of_the_region_and_interface(big, glance, keystone, mount):
    keystone.endpoints = []
    keystone.add_endpoint("http://127.0.0.1:1", "RegionOne", "public")
    keystone.add_endpoint("http://127.0.0.1:1", "Elsewhere", "public")
    keystone.add_endpoint(glance.url, "Elsewhere", "internal")
    tree = mount(**keystone.environment(OS_REGION_NAME="Elsewhere", OS_INTERFACE="internal"))
    pushed(tree, glance, big)


def test_a_catalog_without_an_image_service_is_said(big, glance, keystone, mount):
    keystone.endpoints = []
    tree = mount(**keystone.environment())
    with pytest.raises(OSError):
        tree.write(PUSH, "big:1")


# --- the export

@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("after", [10, 300_000, 2_990_000])
def test_an_export_cut_in_mid_body_is_made_again(cloud, engine, glance, big, how, after):
    engine.fault(EXPORT, cut_after=after, how=how)
    pushed(cloud, glance, big)
    assert glance.only("big").history.count("active") == 1


@pytest.mark.parametrize("after", [0, 512, 300_000, 2_000_000])
def test_an_export_that_ends_early_but_cleanly_never_becomes_active(impatient, engine, glance, after):
    engine.fault(EXPORT, times=None, short_after=after)
    failed(impatient, glance, "EREMOTEIO", "EBADMSG")
    assert "active" not in [s for r in glance.records() for s in r.history]


def test_an_export_that_ends_early_once_is_made_again(cloud, engine, glance, big):
    engine.fault(EXPORT, short_after=2_000_000)
    pushed(cloud, glance, big)
    assert glance.only("big").history.count("active") == 1


@pytest.mark.parametrize("after", [0, 300_000])
def test_an_error_inside_the_export_never_becomes_active(impatient, engine, glance, after):
    engine.fault(EXPORT, times=None, error_after=after)
    failed(impatient, glance, "EREMOTEIO", "EBADMSG", "ENOSPC")
    assert "active" not in [s for r in glance.records() for s in r.history]


def test_an_error_inside_the_export_that_passes_is_made_again(cloud, engine, glance, big):
    engine.fault(EXPORT, error_after=300_000)
    pushed(cloud, glance, big)


def test_an_engine_that_refuses_the_export_for_a_moment_is_asked_again(cloud, engine, glance, big):
    engine.fault(EXPORT, status=500, body={"message": "temporary"})
    pushed(cloud, glance, big)


def test_an_image_that_is_gone_at_the_export_is_said(impatient, engine, glance):
    engine.fault(EXPORT, times=None, status=404, body={"message": "No such image: big:1"})
    failed(impatient, glance, "ENOENT")
    assert glance.records("big") == []


# --- verification

def test_another_hash_at_the_service_is_no_success(cloud, glance):
    glance.fault(UPLOAD, times=None, upload_corrupt_at=500_000)
    cloud.write(PUSH, "big:1")
    with fails_with("EBADMSG"):
        cloud.finish(IMAGE)
    assert cloud.keyed(f"{IMAGE}/status")["state"] == "failed"
    assert glance.records("big") == []


@pytest.mark.parametrize("algo", ["sha256", "sha384", "sha1"])
def test_a_service_with_another_hash_is_verified_by_reading_back_once(cloud, glance, big, algo):
    glance.hash_algo = algo
    pushed(cloud, glance, big)
    assert glance.count(r"^GET /v2/images/[^/]*/file") == 1
    cloud.write(PUSH, "big:1 to=glance:again")
    assert cloud.finish(IMAGE)["state"] == "active"
    assert glance.count(r"^GET /v2/images/[^/]*/file") == 1     # remembered


def test_reading_back_finds_a_wrong_byte(cloud, glance):
    glance.hash_algo = "sha256"
    glance.fault(UPLOAD, times=None, upload_corrupt_at=500_000)
    cloud.write(PUSH, "big:1")
    with fails_with("EBADMSG"):
        cloud.finish(IMAGE)
    assert glance.records("big") == []


def test_the_hash_of_earlier_images_is_used(big, glance, mount):
    glance.hash_algo = "sha256"
    glance.add("earlier", b"x")
    tree = mount(**no_auth(glance))
    pushed(tree, glance, big)
    assert glance.count(r"^GET /v2/images/[^/]*/file") == 0


# --- answers that make no sense

@pytest.mark.parametrize("what", [{"cut_after": 40}, {"cut_after": 40, "how": "reset"}, {"short_after": 0},
                                  {"drop_answer": True}, {"drop": True}, {"endless_header": True}, {"status": 200}])
def test_a_broken_answer_to_the_record_is_an_error_of_the_write(cloud, glance, what):
    glance.fault(CREATE, times=None, **what)
    with fails_with("EREMOTEIO"):
        cloud.write(PUSH, "big:1")
    assert glance.records() == []


def test_a_record_whose_answer_cannot_be_read_is_there_or_refused(cloud, glance):
    glance.fault(CREATE, times=None, truncate=40)
    try:
        cloud.write(PUSH, "big:1")
    except OSError:
        assert glance.records() == []
    else:
        assert cloud.finish(IMAGE)["target-id"] == glance.only("big").id


def test_changes_that_cannot_be_read_are_an_error_of_the_read(cloud, engine):
    engine.fault("^GET .*/changes", times=None, truncate=30)
    with fails_with("EREMOTEIO"):
        cloud.read("containers/web/changes")


@pytest.mark.parametrize("path, request_of", [("containers/web/changes", "/changes"),
                                              ("containers/web/inspect.json", "/containers/.*/json"),
                                              ("images/big:1/inspect.json", "/images/.*/json")])
@pytest.mark.parametrize("what", [{"cut_after": 30}, {"status": 500}, {"endless_header": True}],
                         ids=["cut", "500", "endless"])
def test_a_broken_answer_of_the_engine_is_an_error_of_the_read(cloud, engine, path, request_of, what):
    engine.fault("^GET .*" + request_of, times=None, **what)
    with fails_with("EREMOTEIO"):
        cloud.read(path)
    engine.clear_faults()
    assert cloud.read(path)


def test_a_container_that_is_gone_when_it_is_asked_about_is_not_there(cloud, engine):
    engine.fault(r"^GET .*/changes", status=404, body={"message": "No such container: web"})
    with fails_with("ENOENT"):
        cloud.read("containers/web/changes")


@pytest.mark.parametrize("pages", [60])
def test_a_service_with_many_images_is_no_problem(big, glance, mount, pages):
    for n in range(pages):
        glance.add(f"n{n}", b"x")
    pushed(mount(**no_auth(glance)), glance, big)
