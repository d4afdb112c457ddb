# SPDX-License-Identifier: Apache-2.0
"""The containers and images of a scripted engine, in the shapes of Docker Engine 20.10 (API 1.41)."""
import hashlib
import json
import time

if __package__:
    from .scripted_archive import dumps
else:
    from scripted_archive import dumps

ROOT = "/var/lib/docker"
NEVER = "0001-01-01T00:00:00Z"
NO_CONFIG = {"Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False,
             "AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": None, "Cmd": None,
             "Image": "", "Volumes": None, "WorkingDir": "", "Entrypoint": None, "OnBuild": None, "Labels": None}


def stamp(nanoseconds):
    """RFC 3339 with nanoseconds, as Go prints it."""
    seconds, rest = divmod(nanoseconds, 10**9)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"


def hex_id(text):
    return hashlib.sha256(text.encode()).hexdigest()


def full_ref(name):
    """`foo` is foo:latest; an id or a reference with a tag is itself."""
    if name.startswith("sha256:") or ":" in name.rsplit("/", 1)[-1]:
        return name
    return name + ":latest"


class Image:
    def __init__(self, config, layers, parent="", created=None):
        self.config, self.layers, self.parent = config, layers, parent
        self.hex_id = hashlib.sha256(config).hexdigest()
        self.id = "sha256:" + self.hex_id
        self.about = json.loads(config)
        self.refs = []
        self.size = sum(layer.size for layer in layers)
        self.tagged = time.time_ns()
        self.created = created or self.tagged       # nanoseconds since 1970

    @property
    def labels(self):
        return self.about["config"].get("Labels")

    def list_entry(self):
        refs = self.refs or ["<none>:<none>"]
        return {"Containers": -1, "Created": self.created // 10**9, "Id": self.id, "Labels": self.labels,
                "ParentId": self.parent, "RepoDigests": None if self.refs else ["<none>@<none>"], "RepoTags": refs,
                "SharedSize": -1, "Size": self.size, "VirtualSize": self.size}

    def inspect(self):
        about = self.about
        folder = f"{ROOT}/overlay2/{self.hex_id}"
        return {"Id": self.id, "RepoTags": self.refs, "RepoDigests": [], "Parent": self.parent,
                "Comment": about.get("comment", ""), "Created": stamp(self.created),
                "Container": about.get("container", ""), "ContainerConfig": about.get("container_config") or NO_CONFIG,
                "DockerVersion": about.get("docker_version", ""), "Author": about.get("author", ""),
                "Config": about["config"], "Architecture": "amd64", "Os": "linux",
                "Size": self.size, "VirtualSize": self.size,
                "GraphDriver": {"Data": {"MergedDir": folder + "/merged", "UpperDir": folder + "/diff",
                                         "WorkDir": folder + "/work"}, "Name": "overlay2"},
                "RootFS": {"Type": "layers", "Layers": [layer.diff_id for layer in self.layers]},
                "Metadata": {"LastTagTime": stamp(self.tagged)}}


def make_image(layers, settings=None, parent=None, container=None, author="", comment="", created=None):
    """A new image; `parent` is the Image that it stands on, `container` the Container that it was committed from."""
    created = created or time.time_ns()
    about = {"architecture": "amd64", "config": {**NO_CONFIG, **(settings or {})}}
    if author:
        about["author"] = author
    if container:
        about |= {"container": container.id, "container_config": container.config()}
    history = list(parent.about["history"]) if parent else []
    history.append({"created": stamp(created), "author": author, "comment": comment})
    about |= {"created": stamp(created), "docker_version": "20.10.24+dfsg1", "history": history, "os": "linux",
              "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}}
    image = Image(dumps(about).encode(), layers, parent.id if parent else "", created)
    image.about["comment"] = comment
    return image


class Container:
    """`state` is the engine's word: created, running, paused, restarting, removing, exited or dead."""

    def __init__(self, name, image, state="running", image_ref=None, command=("sleep", "1000"), env=(), labels=None,
                 mounts=(), changes=(), auto_remove=False, exit_code=0, created=None, id=None):
        self.created = created or time.time_ns()
        self.id = id or hex_id(f"{name} {self.created} {time.perf_counter_ns()}")
        self.name, self.image, self.state = name, image, state
        self.image_ref = image_ref or image.refs[0]
        self.command, self.env, self.labels = list(command), list(env), dict(labels or {})
        self.mounts = [{"Type": "volume", "Name": f"v{n}", "Source": f"{ROOT}/volumes/v{n}/_data", "Destination": m,
                        "Driver": "local", "Mode": "z", "RW": True, "Propagation": ""} if isinstance(m, str) else m
                       for n, m in enumerate(mounts)]
        self.changes = list(changes)        # (kind 0 modified, 1 added, 2 deleted; path)
        self.auto_remove, self.exit_code = auto_remove, exit_code
        self.started = self.created if state not in ("created",) else 0
        self.finished = self.created if state in ("exited", "dead") else 0
        self._json = None

    def changed(self):
        self._json = None

    @property
    def running(self):
        return self.state in ("running", "paused", "restarting")

    def status(self):
        return {"created": "Created", "running": "Up 2 minutes", "paused": "Up 2 minutes (Paused)",
                "restarting": f"Restarting ({self.exit_code}) 1 second ago", "removing": "Removal In Progress",
                "exited": f"Exited ({self.exit_code}) 2 minutes ago", "dead": "Dead"}[self.state]

    def list_json(self):
        """Rendered once per change: ten thousand of these make one answer."""
        if self._json is None:
            self._json = dumps(self.list_entry())
        return self._json

    def list_entry(self):
        return {"Id": self.id, "Names": ["/" + self.name], "Image": self.image_ref, "ImageID": self.image.id,
                "Command": " ".join(self.command), "Created": self.created // 10**9, "Ports": [],
                "Labels": self.labels, "State": self.state, "Status": self.status(),
                "HostConfig": {"NetworkMode": "none"}, "NetworkSettings": {"Networks": self.networks()},
                "Mounts": self.mounts}

    def networks(self):
        return {"none": {"IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": hex_id("none"),
                         "EndpointID": hex_id(self.id) if self.running else "", "Gateway": "", "IPAddress": "",
                         "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
                         "MacAddress": "", "DriverOpts": None}}

    def config(self):
        return {**NO_CONFIG, "Hostname": self.id[:12], "Env": self.env, "Cmd": self.command, "Image": self.image_ref,
                "Labels": self.labels}

    def state_entry(self):
        return {"Status": self.state, "Running": self.running, "Paused": self.state == "paused",
                "Restarting": self.state == "restarting", "OOMKilled": False, "Dead": self.state == "dead",
                "Pid": 4242 if self.running else 0, "ExitCode": self.exit_code, "Error": "",
                "StartedAt": stamp(self.started) if self.started else NEVER,
                "FinishedAt": stamp(self.finished) if self.finished else NEVER}

    def inspect(self):
        folder = f"{ROOT}/overlay2/{self.id}"
        return {"Id": self.id, "Created": stamp(self.created), "Path": self.command[0], "Args": self.command[1:],
                "State": self.state_entry(), "Image": self.image.id, "ResolvConfPath": "", "HostnamePath": "",
                "HostsPath": "", "LogPath": "", "Name": "/" + self.name, "RestartCount": 0, "Driver": "overlay2",
                "Platform": "linux", "MountLabel": "", "ProcessLabel": "", "AppArmorProfile": "", "ExecIDs": None,
                "HostConfig": self.host_config(),
                "GraphDriver": {"Data": {"LowerDir": folder + "-init/diff", "MergedDir": folder + "/merged",
                                         "UpperDir": folder + "/diff", "WorkDir": folder + "/work"},
                                "Name": "overlay2"},
                "Mounts": self.mounts, "Config": self.config(),
                "NetworkSettings": {"Bridge": "", "Ports": {}, "Networks": self.networks()}}

    def host_config(self):
        return {"Binds": None, "ContainerIDFile": "", "LogConfig": {"Type": "json-file", "Config": {}},
                "NetworkMode": "none", "PortBindings": {}, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                "AutoRemove": self.auto_remove, "VolumeDriver": "", "VolumesFrom": None, "Privileged": False,
                "ReadonlyRootfs": False, "Runtime": "runc", "Memory": 0, "NanoCpus": 0}

    def changes_list(self):
        return [{"Path": path, "Kind": kind} for kind, path in self.changes] or None
