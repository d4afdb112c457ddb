# SPDX-License-Identifier: Apache-2.0
"""Real Keystone and Glance from Debian's Python packages, on free loopback ports, with databases of their own."""

import json
import sqlite3
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from . import proc

PYTHON = "/usr/bin/python3"
OPENSTACK = "/usr/bin/openstack"
UWSGI = "/usr/bin/uwsgi_python3"

# Glance without the packages that ask questions, add users and start services: its entry points are enough.
RUNNER = "import sys\nfrom glance.cmd.{module} import main\nsys.exit(main())\n"

PASTE = """\
[pipeline:glance-api]
pipeline = healthcheck versionnegotiation unauthenticated-context rootapp
[pipeline:glance-api-keystone]
pipeline = healthcheck versionnegotiation authtoken context rootapp
[composite:rootapp]
paste.composite_factory = glance.api:root_app_factory
/: apiversions
/v2: apiv2app
[app:apiversions]
paste.app_factory = glance.api.versions:create_resource
[app:apiv2app]
paste.app_factory = glance.api.v2.router:API.factory
[filter:healthcheck]
paste.filter_factory = oslo_middleware:Healthcheck.factory
[filter:versionnegotiation]
paste.filter_factory = glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory
[filter:unauthenticated-context]
paste.filter_factory = glance.api.middleware.context:UnauthenticatedContextMiddleware.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
delay_auth_decision = true
"""

# Sent by a Glance that follows the newer role rules: a reader may not write.
NEW_RULES = {"DEFAULT": {"enforce_secure_rbac": "true"},
             "oslo_policy": {"enforce_new_defaults": "true", "enforce_scope": "true"}}

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method, url, body=None, token=None, timeout=60):
    """(status, headers, body bytes); an HTTP error is an answer like another."""
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("X-Auth-Token", token)
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def http_json(method, url, body=None, token=None, accept=(200, 201, 204)):
    status, _, data = http(method, url, body, token)
    if status not in accept:
        raise RuntimeError(f"{method} {url}: {status} {data[:300]}")
    return json.loads(data) if data else None


def answers(url, status=200):
    try:
        return http("GET", url, timeout=2)[0] == status
    except OSError:
        return False


def write_ini(path, sections):
    text = "".join(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
                   for name, values in sections.items())
    Path(path).write_text(text)


def use_wal(database):
    """Readers and writers of sqlite's default journal lock each other out for seconds."""
    connection = sqlite3.connect(database)
    connection.execute("pragma journal_mode=wal")
    connection.close()


class _Server:
    """start, stop, kill and restart of a server of which the class knows command() and ready()."""

    process = None

    def start(self):
        self.process = proc.Process(self.command(), self.log, self.env)
        self.process.wait_ready(self.ready)
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


class Keystone(_Server):
    """The identity service.  admin/adminpw is the operator; seed() adds the rest."""

    def __init__(self, root, expiration=3600):
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)
        self.database = self.root / "keystone.sqlite"
        self._configure("keystone", expiration)
        self._prepare()

    def with_expiration(self, seconds):
        """Another Keystone on the same database and keys whose tokens live `seconds`."""
        other = Keystone.__new__(Keystone)
        other.root, other.database = self.root, self.database
        other._configure(f"keystone-{seconds}s", seconds)
        return other

    def _configure(self, name, expiration):
        self.port = proc.free_port()
        self.url = f"http://127.0.0.1:{self.port}/v3"
        self.log = self.root / f"{name}.log"
        self._conf, self._uwsgi = self.root / f"{name}.conf", self.root / f"{name}-uwsgi.ini"
        self.env = proc.clean_env(self.root, OS_KEYSTONE_CONFIG_FILES=self._conf)
        self._keys = [self.root / folder for folder in ("fernet-keys", "credential-keys")]
        write_ini(self._conf, {
            "DEFAULT": {"use_stderr": "true"},
            "database": {"connection": f"sqlite:///{self.database}"},
            "token": {"provider": "fernet", "expiration": expiration},
            "identity": {"password_hash_rounds": 4},  # the least: bcrypt is the longest part of a token
            "fernet_tokens": {"key_repository": self._keys[0]},
            "fernet_receipts": {"key_repository": self._keys[0]},
            "credential": {"key_repository": self._keys[1]}})
        # processes, no threads: Keystone on sqlite fails with threads
        write_ini(self._uwsgi, {"uwsgi": {
            "plugins": "python3", "http-socket": f"127.0.0.1:{self.port}", "wsgi-file": "/usr/bin/keystone-wsgi-public",
            "master": "true", "processes": 2, "lazy-apps": "true", "need-app": "true", "no-orphans": "true",
            "die-on-term": "true", "buffer-size": 65535, "add-header": "Connection: close"}})

    def _prepare(self):
        for folder in self._keys:
            folder.mkdir(mode=0o700, exist_ok=True)
        owner = ["--keystone-user", "root", "--keystone-group", "root"]
        self._manage("db_sync")
        use_wal(self.database)
        self._manage("fernet_setup", *owner)
        self._manage("credential_setup", *owner)
        self._manage("bootstrap", "--bootstrap-username", "admin", "--bootstrap-password", "adminpw",
                     "--bootstrap-project-name", "admin", "--bootstrap-role-name", "admin",
                     "--bootstrap-service-name", "keystone", "--bootstrap-region-id", "RegionOne",
                     "--bootstrap-public-url", self.url, "--bootstrap-internal-url", self.url,
                     "--bootstrap-admin-url", self.url)

    def _manage(self, *args):
        proc.run(["/usr/bin/keystone-manage", "--config-file", self._conf, *args], self.env)

    def command(self):
        return [UWSGI, "--ini", self._uwsgi]

    def ready(self):
        return answers(self.url)

    def tokens_issued(self):
        """How many tokens this Keystone was asked for so far, from its request log."""
        return self.log.read_text(errors="replace").count("POST /v3/auth/tokens")

    def token(self, user="demo", password=None, project=None):
        scope = {"project": {"name": project or PROJECTS[user], "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": {
            "name": user, "domain": {"id": "default"}, "password": password or f"{user}pw"}}}
        status, headers, data = http("POST", f"{self.url}/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        if status != 201:
            raise RuntimeError(f"no token for {user}: {status} {data[:300]}")
        return headers["X-Subject-Token"]

    def seed(self):
        """Projects, users and an application credential.  A user's password is its name and `pw`."""
        self._admin = self.token("admin")
        roles = {role["name"]: role["id"] for role in self._get("roles")}
        projects = {name: self._create("project", name=name)["id"] for name in ("service", "demo", "other")}
        users = {}
        for name, project, role in USERS:
            users[name] = self._create("user", name=name, password=f"{name}pw")["id"]
            if project:
                self._admin_call("PUT", f"projects/{projects[project]}/users/{users[name]}/roles/{roles[role]}")
        self._image_service = self._create("service", name="glance", type="image")["id"]
        self.project_id, self.user_id = projects["demo"], users["demo"]
        self.application_credential = self._application_credential()
        return self

    def add_endpoint(self, url, region="RegionOne"):
        """The image service at `url` in the catalog of a region."""
        if region not in [known["id"] for known in self._get("regions")]:
            self._create("region", id=region)
        for interface in ("public", "internal", "admin"):
            self._create("endpoint", interface=interface, url=url, region_id=region, service_id=self._image_service)

    def _application_credential(self):
        body = {"application_credential": {"name": "commitfs", "secret": "appsecret", "roles": [{"name": "member"}]}}
        url = f"{self.url}/users/{self.user_id}/application_credentials"
        made = http_json("POST", url, body, self.token("demo"))["application_credential"]
        return {"id": made["id"], "name": "commitfs", "secret": "appsecret"}

    def _admin_call(self, method, path, body=None):
        return http_json(method, f"{self.url}/{path}", body, self._admin)

    def _get(self, plural):
        return self._admin_call("GET", plural)[plural]

    def _create(self, kind, **attributes):
        return self._admin_call("POST", f"{kind}s", {kind: attributes})[kind]


# name, project, role: `reader` may look but not write, `other` sees nothing of demo's, `norole` gets no token at all
USERS = (("glance", "service", "admin"), ("demo", "demo", "member"), ("reader", "demo", "reader"),
         ("other", "other", "member"), ("norole", None, None))
PROJECTS = {"admin": "admin", "glance": "service", "demo": "demo", "reader": "demo", "other": "other", "norole": "demo"}


class Glance(_Server):
    """The image service.  Without `keystone` it asks nobody who is there.  `settings` adds to its configuration."""

    def __init__(self, root, keystone=None, settings=None, store_size=None):
        self.root = Path(root)
        self.port = proc.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.root / "glance.log"
        self.env = proc.clean_env(self.root)
        self._conf = self.root / "glance.conf"
        for folder in ("store", "staging", "tasks", "lock"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self._small_store = store_size is not None
        if self._small_store:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={store_size}", "tmpfs", self.root / "store"], check=True)
        for module in ("api", "manage"):
            (self.root / f"run-{module}.py").write_text(RUNNER.format(module=module))
        (self.root / "paste.ini").write_text(PASTE)
        self._write_conf(keystone, settings or {})
        proc.run([PYTHON, self.root / "run-manage.py", "--config-file", self._conf, "db_sync"], self.env)
        use_wal(self.root / "glance.sqlite")

    def _write_conf(self, keystone, settings):
        conf = {
            "DEFAULT": {"bind_host": "127.0.0.1", "bind_port": self.port, "workers": 2, "use_stderr": "true",
                        "enabled_backends": "fs:file"},
            "database": {"connection": f"sqlite:///{self.root}/glance.sqlite"},
            "paste_deploy": {"flavor": "keystone" if keystone else "", "config_file": self.root / "paste.ini"},
            "glance_store": {"default_backend": "fs"},
            "fs": {"filesystem_store_datadir": self.root / "store"},
            "os_glance_staging_store": {"filesystem_store_datadir": self.root / "staging"},
            "os_glance_tasks_store": {"filesystem_store_datadir": self.root / "tasks"},
            "oslo_concurrency": {"lock_path": self.root / "lock"}}
        if keystone:
            conf["keystone_authtoken"] = {
                "auth_url": keystone.url, "www_authenticate_uri": keystone.url, "auth_type": "password",
                "username": "glance", "password": "glancepw", "project_name": "service",
                "user_domain_name": "Default", "project_domain_name": "Default"}
        for section, values in settings.items():
            conf.setdefault(section, {}).update(values)
        write_ini(self._conf, conf)

    def command(self):
        return [PYTHON, self.root / "run-api.py", "--config-file", self._conf]

    def ready(self):
        return answers(f"{self.url}/healthcheck")

    def close(self):
        self.stop()
        if self._small_store:
            subprocess.run(["umount", "-l", self.root / "store"], check=False)
            self._small_store = False

    def images(self, token=None, **filters):
        """The image records that the token's owner sees."""
        query = "&".join(["limit=1000"] + [f"{key}={value}" for key, value in filters.items()])
        return http_json("GET", f"{self.url}/v2/images?{query}", token=token)["images"]

    def image(self, image_id, token=None):
        return http_json("GET", f"{self.url}/v2/images/{image_id}", token=token)

    def data(self, image_id, token=None):
        status, _, data = http("GET", f"{self.url}/v2/images/{image_id}/file", token=token)
        if status != 200:
            raise RuntimeError(f"data of {image_id}: {status}")
        return data

    def delete(self, image_id, token=None):
        http_json("DELETE", f"{self.url}/v2/images/{image_id}", token=token, accept=(204, 404))


class Credentials:
    """Who one is to a cloud, as OS_* variables or as an entry of clouds.yaml."""

    def __init__(self, auth, auth_type="password", region="RegionOne"):
        self.auth, self.auth_type, self.region = auth, auth_type, region

    @classmethod
    def password(cls, keystone, user="demo", password=None, region="RegionOne"):
        return cls({"auth_url": keystone.url, "username": user, "password": password or f"{user}pw",
                    "project_name": PROJECTS[user], "user_domain_name": "Default", "project_domain_name": "Default"},
                   region=region)

    @classmethod
    def application(cls, keystone):
        credential = keystone.application_credential
        return cls({"auth_url": keystone.url, "application_credential_id": credential["id"],
                    "application_credential_secret": credential["secret"]}, "v3applicationcredential")

    @classmethod
    def token(cls, keystone, token):
        return cls({"auth_url": keystone.url, "token": token, "project_name": "demo",
                    "project_domain_name": "Default"}, "token")

    @classmethod
    def none(cls, glance):
        """A service that asks for nothing, by its address."""
        return cls({"endpoint": glance.url}, "none", region=None)

    def env(self):
        env = {f"OS_{key.upper()}": value for key, value in self.auth.items()}
        env["OS_IDENTITY_API_VERSION"] = "3"
        if self.auth_type != "password":
            env["OS_AUTH_TYPE"] = self.auth_type
        if self.region:
            env.update(OS_REGION_NAME=self.region, OS_INTERFACE="public")
        return env

    def entry(self):
        entry = {"auth_type": self.auth_type, "auth": dict(self.auth), "identity_api_version": "3"}
        if self.region:
            entry.update(region_name=self.region, interface="public")
        if self.auth_type == "none":
            entry["image_endpoint_override"] = self.auth["endpoint"]
        return entry


def write_yaml(path, clouds):
    """clouds.yaml (or secure.yaml) with {name: entry}, in block style as people write it."""
    lines = ["clouds:"]
    for name, entry in clouds.items():
        lines.append(f"  {name}:")
        for key, value in entry.items():
            if isinstance(value, dict):
                lines.append(f"    {key}:")
                lines += [f"      {inner}: {json.dumps(text)}" for inner, text in value.items()]
            else:
                lines.append(f"    {key}: {json.dumps(value)}")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("\n".join(lines) + "\n")
    Path(path).chmod(0o600)


def client(credentials, home, *args):
    """Standard output of the official command, `openstack ARGS`."""
    env = proc.clean_env(home, **credentials.env())
    return proc.run([PYTHON, OPENSTACK, *args], env).stdout
