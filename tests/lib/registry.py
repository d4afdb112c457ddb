# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-registry: plain, with passwords, or with passwords and TLS."""

import ssl
import urllib.error
import urllib.request
from pathlib import Path

from . import proc

USER, PASSWORD = "reg", "regpw"


class Registry:
    """kind: `plain`, `auth` (htpasswd) or `tls` (htpasswd, certificate for localhost from an authority of its own)."""

    def __init__(self, root, kind="plain"):
        self.root, self.kind = Path(root), kind
        (self.root / "data").mkdir(parents=True, exist_ok=True)
        self.port = proc.free_port()
        self.host = f"localhost:{self.port}"
        self.url = f"{'https' if kind == 'tls' else 'http'}://{self.host}"
        self.authority = self.root / "ca.crt"
        self.log = self.root / "registry.log"
        self.env = proc.clean_env(self.root)
        self.process = None
        self._conf = self.root / "config.yml"
        self._conf.write_text(self._configuration())

    def _configuration(self):
        text = ("version: 0.1\nstorage:\n"
                f"  filesystem: {{rootdirectory: {self.root / 'data'}}}\n  delete: {{enabled: true}}\n"
                f"http:\n  addr: 127.0.0.1:{self.port}\n  secret: test\n")
        if self.kind == "tls":
            self._make_certificate()
            text += f"  tls: {{certificate: {self.root / 'server.crt'}, key: {self.root / 'server.key'}}}\n"
        if self.kind != "plain":
            import bcrypt  # the registry takes no other hash
            line = f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()}\n"
            (self.root / "htpasswd").write_text(line)
            text += f"auth:\n  htpasswd: {{realm: test, path: {self.root / 'htpasswd'}}}\n"
        return text

    def _openssl(self, *args):
        proc.run(["/usr/bin/openssl", *args], self.env)

    def _make_certificate(self):
        root, key = self.root, ("-newkey", "rsa:2048", "-nodes")
        self._openssl("req", "-x509", *key, "-days", "30", "-subj", "/CN=test authority",
                      "-keyout", root / "ca.key", "-out", self.authority)
        self._openssl("req", *key, "-subj", "/CN=localhost", "-keyout", root / "server.key", "-out", root / "server.csr")
        (root / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._openssl("x509", "-req", "-in", root / "server.csr", "-CA", self.authority, "-CAkey", root / "ca.key",
                      "-CAcreateserial", "-days", "30", "-out", root / "server.crt", "-extfile", root / "names")

    def _ready(self):
        context = ssl.create_default_context(cafile=self.authority) if self.kind == "tls" else None
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
        try:
            urllib.request.build_opener(*handlers).open(f"{self.url}/v2/", timeout=2).close()
        except urllib.error.HTTPError as error:
            with error:
                return error.code == 401
        except OSError:
            return False
        return True

    def start(self):
        self.process = proc.Process(["/usr/bin/docker-registry", "serve", self._conf], self.log, self.env)
        self.process.wait_ready(self._ready)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    close = stop

    def kill(self):
        self.process.kill()

    def restart(self):
        self.stop()
        return self.start()
