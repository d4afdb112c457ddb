# SPDX-License-Identifier: Apache-2.0
"""The command: its options, its errors, --check, and how it is started."""

import os
import signal
import time

import pytest

from lib import proc
from lib.mount import Mount, command, environment, is_mounted
from lib.scripted import no_auth


@pytest.fixture
def home(folder):
    for name in ("mnt", "state", "home"):
        (folder / name).mkdir()
    yield folder
    if is_mounted(folder / "mnt"):      # by what should have failed
        proc.run(["fusermount3", "-u", "-z", folder / "mnt"], environment(folder), check=False)


@pytest.fixture
def run(home):
    def call(*args, **env):
        return proc.run([*command(), *args], environment(home / "home", **env), check=False, timeout=60)
    return call


def fails(done, *words):
    """Exit 1 (or another failure), with one sentence on stderr that names what is wrong."""
    assert done.returncode != 0
    assert done.stderr.strip(), "it says nothing"
    for word in words:
        assert str(word) in done.stderr, done.stderr


# --- help

@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_option(run, option):
    done = run(option)
    assert done.returncode == 0
    for name in ("engine=", "cloud=", "store=", "dir=", "state=", "jobs=", "retries=", "gid=", "ro", "--check"):
        assert name in done.stdout + done.stderr, name


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version_names_the_program(run, option):
    done = run(option)
    assert done.returncode == 0 and "commitfs" in done.stdout + done.stderr


# --- what is wrong is said

def test_no_mount_point_is_an_error(run):
    fails(run())


def test_an_unknown_option_is_an_error(run, home, engine):
    fails(run(f"--engine={engine.url}", "--nonsense", home / "mnt"), "nonsense")
    assert not is_mounted(home / "mnt")


@pytest.mark.parametrize("option", ["--jobs=0", "--jobs=x", "--jobs=", "--retries=-1", "--retries=1x", "--hold=maybe",
                                    "--gid=no-such-group", "--store=ftp://x", "--engine=ftp://x", "--engine=unix://"])
def test_a_wrong_value_is_an_error(run, home, engine, option):
    base = [] if option.startswith("--engine") else [f"--engine={engine.url}"]
    fails(run("-f", *base, f"--state={home / 'state'}", option, home / "mnt"))
    assert not is_mounted(home / "mnt")


def test_a_mount_point_that_is_not_there_is_an_error(run, home, engine):
    fails(run("-f", f"--engine={engine.url}", f"--state={home / 'state'}", home / "nowhere"), "nowhere")


def test_an_engine_that_is_not_there_is_an_error(run, home):
    done = run("-f", f"--engine=unix://{home / 'no.sock'}", f"--state={home / 'state'}", home / "mnt")
    assert done.returncode == 1
    fails(done, "no.sock")
    assert not is_mounted(home / "mnt")


def test_an_engine_that_does_not_listen_is_an_error(run, home, engine):
    engine.refuse()
    done = run("-f", f"--engine={engine.url}", f"--state={home / 'state'}", home / "mnt")
    assert done.returncode == 1
    fails(done, "e.sock")


def test_an_engine_that_is_not_there_is_an_error_in_the_background_too(run, home):
    done = run(f"--engine=unix://{home / 'no.sock'}", f"--state={home / 'state'}", home / "mnt")
    assert done.returncode == 1
    fails(done, "no.sock")


def test_something_else_on_the_socket_is_an_error(run, home, glance):
    done = run("-f", f"--engine=tcp://127.0.0.1:{glance.port}", f"--state={home / 'state'}", home / "mnt")
    fails(done)
    assert not is_mounted(home / "mnt")


def test_a_broken_list_at_the_start_is_an_error(run, home, engine):
    engine.add_containers(5)
    engine.fault("^GET .*/containers/json", times=None, truncate=900)
    fails(run("-f", f"--engine={engine.url}", f"--state={home / 'state'}", home / "mnt"))
    assert not is_mounted(home / "mnt")


def test_a_state_folder_that_cannot_be_made_is_an_error(run, home, engine):
    (home / "file").write_text("")
    fails(run("-f", f"--engine={engine.url}", f"--state={home / 'file' / 'x'}", home / "mnt"), "file")
    assert not is_mounted(home / "mnt")


# --- --check

def test_check_says_what_answers_and_mounts_nothing(run, home, engine, glance):
    done = run("--check", f"--engine={engine.url}", f"--state={home / 'state'}", **no_auth(glance))
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout
    assert "20.10.24" in text and "1.41" in text and f"{glance.port}" in text and str(home / "state") in text
    assert not is_mounted(home / "mnt")


def test_check_works_with_keystone(run, home, engine, keystone):
    done = run("--check", f"--engine={engine.url}", f"--state={home / 'state'}", **keystone.environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demopw" not in done.stdout + done.stderr


def test_check_finds_an_engine_that_is_missing(run, home):
    done = run("--check", f"--engine=unix://{home / 'no.sock'}", f"--state={home / 'state'}")
    assert done.returncode == 1
    assert "no.sock" in done.stdout + done.stderr


def test_check_finds_a_wrong_password(run, home, engine, keystone):
    env = keystone.environment(OS_PASSWORD="hunter2")
    done = run("--check", f"--engine={engine.url}", f"--state={home / 'state'}", **env)
    assert done.returncode == 1
    assert "20.10.24" in done.stdout    # the engine answers all the same
    assert "hunter2" not in done.stdout + done.stderr


def test_check_finds_an_image_service_that_is_missing(run, home, engine, glance):
    glance.refuse()
    done = run("--check", f"--engine={engine.url}", f"--state={home / 'state'}", **no_auth(glance))
    assert done.returncode == 1
    assert "20.10.24" in done.stdout


def test_check_reports_all_troubles_at_once(run, home, glance):
    glance.refuse()
    done = run("--check", f"--engine=unix://{home / 'no.sock'}", f"--state={home / 'state'}", **no_auth(glance))
    assert done.returncode == 1
    text = done.stdout + done.stderr
    assert "no.sock" in text and str(glance.port) in text


# --- ways to start

def daemon_pids(home):
    return proc.with_argument(str(home / "mnt"))


@pytest.fixture
def background(home):
    """Whatever was mounted on home/mnt is unmounted, and its program ended, in the end."""
    yield home / "mnt"
    if is_mounted(home / "mnt"):
        proc.run(["fusermount3", "-u", "-z", home / "mnt"], environment(home), check=False)
    end = time.monotonic() + 10
    while daemon_pids(home) and time.monotonic() < end:
        time.sleep(0.05)
    left = daemon_pids(home)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "the program outlives its mount"


def test_without_f_it_goes_to_the_background_when_the_mount_is_ready(run, home, web, engine, background):
    done = run(f"--engine={engine.url}", f"--state={home / 'state'}", background)
    assert done.returncode == 0, done.stderr
    assert is_mounted(background)
    assert os.listdir(background / "containers") == ["web"]


def test_it_starts_as_mount_calls_it(run, home, web, engine, background):
    options = f"rw,nosuid,nodev,noatime,engine={engine.url},state={home / 'state'},jobs=2"
    done = run("commitfs", background, "-o", options)
    assert done.returncode == 0, done.stderr
    assert (background / "containers/web/state").read_text() == "running\n"


def test_relative_paths_are_those_of_the_start(home, web, engine, background):
    words = [*command(), f"--engine={engine.url}", "--state=state", "mnt"]
    env = environment(home / "home")
    done = proc.run(["/bin/sh", "-c", 'cd "$1"; shift; exec "$@"', "sh", home, *words], env, check=False)
    assert done.returncode == 0, done.stderr
    assert is_mounted(background)
    (background / "containers/web/commit").write_text("foo\n")
    assert (background / "containers/web/wait").read_text()
    assert os.listdir(home / "state")


def test_the_engine_is_found_by_docker_host(run, home, web, engine, background):
    done = run(f"--state={home / 'state'}", background, DOCKER_HOST=engine.url)
    assert done.returncode == 0, done.stderr
    assert os.listdir(background / "containers") == ["web"]


def test_an_engine_over_tcp_works(home, folder):
    from lib.scripted_engine import ScriptedEngine
    with ScriptedEngine() as engine:
        engine.add_container("web", quiet=True)
        with Mount(folder / "t", f"--engine={engine.url}", env=environment(folder / "t")) as tree:
            assert tree.list("containers") == ["web"]
            engine.add_container("new")
            tree.appears("containers/new")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unmounts(tree, number):
    tree.process.signal(number)
    assert tree.process.wait(10) == 0
    assert not is_mounted(tree.path)
    Mount.active.discard(tree)


def test_a_clouds_yaml_is_found(run, home, engine, keystone, background):
    folder = home / "home/.config/openstack"
    folder.mkdir(parents=True)
    (folder / "clouds.yaml").write_text(f"""clouds:
  mine:
    auth: {{auth_url: "{keystone.auth_url}", username: demo, project_name: demo,
           user_domain_name: Default, project_domain_name: Default}}
    region_name: RegionOne
""")
    (folder / "secure.yaml").write_text("clouds:\n  mine:\n    auth: {password: demopw}\n")
    (folder / "secure.yaml").chmod(0o600)
    done = run("--check", f"--engine={engine.url}", f"--state={home / 'state'}", "--cloud=mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demopw" not in done.stdout + done.stderr
    assert keystone.count("^POST /v3/auth/tokens") == 1


def test_an_unknown_cloud_is_an_error(run, home, engine):
    done = run("--check", f"--engine={engine.url}", f"--state={home / 'state'}", "--cloud=nowhere")
    fails_text = done.stdout + done.stderr
    assert done.returncode == 1 and "nowhere" in fails_text


def test_no_secret_is_seen_in_ps_or_in_the_log(keyed):
    line = open(f"/proc/{keyed.process.pid}/cmdline", encoding="utf-8").read()
    keyed.write("containers/web/push", "busybox")
    keyed.finish("images/busybox:latest")
    assert "demopw" not in line and "demopw" not in keyed.process.log_text()
    assert "gAAAA" not in keyed.process.log_text()
