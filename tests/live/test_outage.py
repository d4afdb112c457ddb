# SPDX-License-Identifier: Apache-2.0
"""The engine goes away and comes back; and what `commitfs` says when there is none."""

import pytest
from lib.mount import Mount, command, environment, is_mounted
from lib.openstack import Credentials
from lib.proc import run, wait_until


def health(tree):
    """What /status says about the engine, without counters and times."""
    return {key: value for key, value in tree.keyed("status").items()
            if key.startswith(("engine", "error")) and not key.endswith("since")}


def goes_away(engine, how):
    if how == "crash":
        engine.kill()
    else:
        engine.stop()


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_the_engine_restarts(engine, web, tree, how):
    well = health(tree)
    goes_away(engine, how)
    wait_until(lambda: health(tree) != well, 5, "/status says that the engine is gone")
    assert tree.list("containers") == ["web"]  # what it knew
    assert tree.word("containers/web/id")
    engine.start()
    wait_until(lambda: health(tree) == well, 30, "/status says that the engine is back")
    tree.becomes("containers/web/state", "exited", 5)
    engine.run("later")
    tree.becomes("containers/later/state", "running")


def test_what_happens_meanwhile_is_not_missed(engine, web, tree):
    """Events that nobody could hear: the tree is read anew."""
    well = health(tree)
    engine.docker("create", "--name", "old", "busybox")
    tree.appears("containers/old")
    engine.stop()
    wait_until(lambda: health(tree) != well, 5, "/status says that the engine is gone")
    engine.start()
    engine.docker("rm", "old")
    engine.docker("tag", "busybox", "new:1")
    tree.vanishes("containers/old", 30)
    tree.appears("images/new:1", 5)


def start_without_engine(root, home):
    mounted = Mount(home, f"--engine=unix://{root}/nobody.sock")
    try:
        return mounted, run(mounted.argv(), mounted.env, check=False, timeout=60)
    except BaseException:
        mounted.abort()
        raise


def test_no_engine_at_the_start(root, tmp_path):
    mounted, done = start_without_engine(root, tmp_path)
    assert done.returncode == 1
    assert "nobody.sock" in done.stderr
    assert not is_mounted(mounted.path)


# --- commitfs --check

def check(home, *options, credentials=None):
    state = home / "state"
    state.mkdir(exist_ok=True)
    return run([*command(), "--check", f"--state={state}", *options], environment(home, credentials), check=False, timeout=60)


def test_check_says_that_all_is_well(tmp_path, engine, demo):
    done = check(tmp_path, f"--engine={engine.url}", credentials=demo)
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout.lower()
    for part in ("engine", "api", "token", "state", "fuse"):
        assert part in text, f"no {part} in:\n{done.stdout}"
    assert "demopw" not in done.stdout + done.stderr


def test_check_without_a_cloud(tmp_path, engine):
    assert check(tmp_path, f"--engine={engine.url}").returncode == 0


def test_check_without_an_engine(tmp_path, root):
    done = check(tmp_path, f"--engine=unix://{root}/nobody.sock")
    assert done.returncode == 1
    assert "nobody.sock" in done.stdout + done.stderr


def test_check_with_a_wrong_password(tmp_path, engine, keystone, glance):
    done = check(tmp_path, f"--engine={engine.url}", credentials=Credentials.password(keystone, password="wrong-pw"))
    assert done.returncode == 1
    assert "wrong-pw" not in done.stdout + done.stderr


def test_check_while_glance_is_stopped(tmp_path, engine, demo, glance):
    glance.stop()
    try:
        done = check(tmp_path, f"--engine={engine.url}", credentials=demo)
    finally:
        glance.start()
    assert done.returncode == 1
    assert str(glance.port) in done.stdout + done.stderr
