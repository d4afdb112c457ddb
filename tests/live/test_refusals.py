# SPDX-License-Identifier: Apache-2.0
"""What the image service or its login refuses: an error of the write, and no record left behind."""

import itertools

import pytest
from lib.mount import fails_with
from lib.openstack import Credentials
from lib.proc import wait_until

_numbers = itertools.count(1)


@pytest.fixture
def image(engine, web):
    ref = f"refused-{next(_numbers)}:1"
    engine.docker("commit", "web", ref)
    return ref


def ids(glance, token):
    return {record["id"] for record in glance.images(token)}


def push(mounted, ref):
    mounted.appears(f"images/{ref}")
    mounted.write(f"images/{ref}/push", "")


def refused(mounted, ref, *errnos):
    """At the write."""
    with fails_with(*errnos):
        push(mounted, ref)


def refused_sooner_or_later(mounted, ref, *errnos):
    """What the service says only when it has seen the data comes through `wait`."""
    with fails_with(*errnos):
        push(mounted, ref)
        mounted.finish(f"images/{ref}")
    assert mounted.word(f"images/{ref}/state") != "active"


def nothing_left(glance, token, before):
    wait_until(lambda: ids(glance, token) == before, 5, "no record is left behind")


def test_wrong_password(image, mount, keystone, glance):
    before = ids(glance, keystone.token())
    mounted = mount(Credentials.password(keystone, password="wrong-pw"))
    refused(mounted, image, "EACCES")
    assert "wrong-pw" not in mounted.process.log_text()
    assert ids(glance, keystone.token()) == before


def test_user_without_a_role(image, mount, keystone, glance):
    before = ids(glance, keystone.token())
    refused(mount(Credentials.password(keystone, "norole")), image, "EACCES")
    assert ids(glance, keystone.token()) == before


def test_reader_may_not_push(image, mount, keystone, strict_glance):
    before = ids(strict_glance, keystone.token())
    refused(mount(Credentials.password(keystone, "reader", region="strict")), image, "EPERM")
    assert ids(strict_glance, keystone.token()) == before


def test_over_the_size_cap(image, mount, keystone, strict_glance):
    before = ids(strict_glance, keystone.token())
    refused_sooner_or_later(mount(Credentials.password(keystone, region="strict")), image, "EDQUOT")
    nothing_left(strict_glance, keystone.token(), before)


def test_over_the_quota(image, mount, keystone, quota_glance):
    before = ids(quota_glance, keystone.token())
    refused_sooner_or_later(mount(Credentials.password(keystone, region="quota")), image, "EDQUOT")
    nothing_left(quota_glance, keystone.token(), before)


def test_store_full(image, mount, keystone, full_glance):
    before = ids(full_glance, keystone.token())
    refused_sooner_or_later(mount(Credentials.password(keystone, region="full")), image, "EDQUOT", "ENOSPC")
    nothing_left(full_glance, keystone.token(), before)


def test_glance_stopped(engine, image, mount, demo, keystone, glance):
    mounted = mount(demo)
    before = ids(glance, keystone.token())
    glance.stop()
    try:
        refused(mounted, image, "ECONNREFUSED")
        with fails_with("ECONNREFUSED"):
            mounted.write("containers/web/commit", "never-made push=glance")
        assert not engine.has_image("never-made")
    finally:
        glance.start()
    assert ids(glance, keystone.token()) == before
    push(mounted, image)  # and the same mount works once it is back
    assert mounted.finish(f"images/{image}")["state"] == "active"


def test_keystone_stopped(image, mount, demo, keystone, glance):
    before = ids(glance, keystone.token())
    keystone.stop()
    try:
        refused(mount(demo), image, "ECONNREFUSED")
    finally:
        keystone.start()
    assert ids(glance, keystone.token()) == before


def test_region_without_an_image_service(image, mount, keystone, glance):
    before = ids(glance, keystone.token())
    refused(mount(Credentials.password(keystone, region="nowhere")), image, "ENOENT", "EHOSTUNREACH")
    assert ids(glance, keystone.token()) == before
