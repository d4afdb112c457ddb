# SPDX-License-Identifier: Apache-2.0
"""An engine and an image service behind TLS: who is trusted, and what is said of who is not."""

import ssl
import subprocess

import pytest

from lib import proc
from lib.mount import Mount, command, environment, fails_with
from lib.scripted_engine import ScriptedEngine
from lib.scripted_glance import ScriptedGlance


def openssl(*args):
    subprocess.run(["/usr/bin/openssl", *map(str, args)], check=True, capture_output=True)


def authority(folder):
    """An authority of its own, with a certificate for this host and one for a client."""
    folder.mkdir()
    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-days", "30", "-subj", "/CN=test authority", "-keyout", folder / "ca-key.pem",
            "-out", folder / "ca.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        stem = {"server": ("server-key.pem", "server.pem"), "client": ("key.pem", "cert.pem")}[name]
        openssl("req", *key, "-subj", f"/CN={name}", "-keyout", folder / stem[0], "-out", folder / "csr")
        openssl("x509", "-req", "-in", folder / "csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca-key.pem",
                "-CAcreateserial", "-days", "30", "-out", folder / stem[1], "-extfile", folder / "names")
    return folder


def server_side(certs, clients=True):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "server.pem", certs / "server-key.pem")
    if clients:
        context.load_verify_locations(certs / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def certs(folder):
    return authority(folder / "certs")


@pytest.fixture
def remote(certs):
    """An engine that lets in who has a certificate of its authority, as `dockerd --tlsverify`."""
    with ScriptedEngine(tls=server_side(certs)) as engine:
        engine.add_container("web", quiet=True)
        yield engine


def tcp(engine):
    return f"--engine=tcp://127.0.0.1:{engine.port}"


def refused(folder, *options, **env):
    (folder / "mnt").mkdir(exist_ok=True)
    done = proc.run([*command(), "-f", f"--state={folder / 'state'}", *options, folder / "mnt"],
                    environment(folder, **env), check=False, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("commitfs: error: cannot talk to the engine")
    return done.stderr


def test_an_engine_with_tls_is_followed(folder, certs, remote):
    options = [tcp(remote), "--tlsverify", f"--tlscacert={certs / 'ca.pem'}", f"--tlscert={certs / 'cert.pem'}",
               f"--tlskey={certs / 'key.pem'}"]
    with Mount(folder / "t", *options, env=environment(folder / "t")) as tree:
        assert tree.word("containers/web/state") == "running"
        remote.add_container("new")
        tree.appears("containers/new")


def test_the_variables_of_the_docker_command_are_enough(folder, certs, remote):
    env = environment(folder / "t", DOCKER_HOST=f"tcp://127.0.0.1:{remote.port}", DOCKER_TLS_VERIFY="1",
                      DOCKER_CERT_PATH=str(certs))
    with Mount(folder / "t", env=env) as tree:
        assert tree.list("containers") == ["web"]


def test_an_engine_of_another_authority_is_not_trusted(folder, certs, remote):
    other = authority(folder / "other")
    said = refused(folder, tcp(remote), "--tlsverify", f"--tlscacert={other / 'ca.pem'}",
                   f"--tlscert={certs / 'cert.pem'}", f"--tlskey={certs / 'key.pem'}")
    assert "certificate" in said
    assert remote.requests == []


def test_an_engine_under_another_name_is_not_trusted(folder, certs):
    (certs / "names").write_text("subjectAltName=DNS:elsewhere\n")
    openssl("x509", "-req", "-in", certs / "csr", "-CA", certs / "ca.pem", "-CAkey", certs / "ca-key.pem",
            "-CAcreateserial", "-days", "30", "-out", certs / "server.pem", "-extfile", certs / "names")
    (certs / "server-key.pem").write_bytes((certs / "key.pem").read_bytes())
    with ScriptedEngine(tls=server_side(certs, clients=False)) as engine:
        assert "127.0.0.1" in refused(folder, tcp(engine), f"--tlscacert={certs / 'ca.pem'}")


def test_without_a_certificate_of_ours_the_engine_refuses(folder, certs, remote):
    refused(folder, tcp(remote), "--tlsverify", f"--tlscacert={certs / 'ca.pem'}")
    assert remote.requests == []


def test_an_image_service_that_is_not_trusted_is_no_place_for_an_image(folder, certs, web, mount):
    with ScriptedGlance(tls=server_side(certs, clients=False)) as glance:
        tree = mount(OS_AUTH_TYPE="none", OS_ENDPOINT=glance.url)
        with fails_with("EKEYREJECTED"):
            tree.write("images/busybox:latest/push", "")
        assert glance.requests == []
        tree.stop()


def test_an_image_service_is_trusted_by_its_authority(certs, web, mount):
    with ScriptedGlance(tls=server_side(certs, clients=False)) as glance:
        tree = mount(OS_AUTH_TYPE="none", OS_ENDPOINT=glance.url, OS_CACERT=str(certs / "ca.pem"))
        tree.write("images/busybox:latest/push", "")
        assert tree.finish("images/busybox:latest")["state"] == "active"
        tree.stop()
