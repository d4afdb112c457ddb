# SPDX-License-Identifier: Apache-2.0
"""A scripted Docker Engine: answers as Docker Engine 20.10 does, does what a test tells it, runs nothing.

    with ScriptedEngine("/tmp/x/docker.sock") as engine:
        image = engine.add_image("busybox:latest", size=2_000_000)
        web = engine.add_container("web")
        engine.pause(web)                       # changes the state and emits the engine's event
        engine.drop_streams()                   # the event stream ends; what happens now is missed

As a program (for benches), it takes commands on its standard input, one a line, and answers each with `ok …`:

    scripted_engine.py --socket PATH [--containers N] [--image-size BYTES]
        add N        add N containers, each with its event     count REGEX   how many such requests came
        events N     N events (containers stop and start)      drop          end the event streams
        refuse       stop listening                            listen        listen again
        quit
"""
import argparse
import queue
import re
import sys

if __package__:
    from . import scripted_archive as archive, scripted_model as model
    from .scripted_http import Response, Server
    from .scripted_state import Engine, Refused
else:
    import scripted_archive as archive
    import scripted_model as model
    from scripted_http import Response, Server
    from scripted_state import Engine, Refused

API_VERSION, MIN_API_VERSION, VERSION = "1.41", "1.12", "20.10.24+dfsg1"


class ScriptedEngine(Engine, Server):
    """An Engine behind its HTTP API."""

    routes = [
        ("GET", "/_ping", "ping"), ("HEAD", "/_ping", "ping"), ("GET", "/version", "version"), ("GET", "/info", "info"),
        ("GET", "/events", "events"),
        ("GET", "/containers/json", "list_containers"), ("POST", "/containers/create", "create_container"),
        ("GET", "/containers/([^/]+)/json", "inspect_container"), ("GET", "/containers/([^/]+)/changes", "changes_of"),
        ("POST", "/containers/([^/]+)/(start|stop|kill|pause|unpause)", "act"),
        ("POST", "/containers/([^/]+)/rename", "rename_container"),
        ("DELETE", "/containers/([^/]+)", "remove_container"),
        ("PUT", "/containers/([^/]+)/archive", "put_archive"),
        ("POST", "/commit", "commit_container"),
        ("GET", "/images/json", "list_images"), ("GET", "/images/get", "save_many"), ("POST", "/images/load", "load"),
        ("GET", "/images/(.+)/json", "inspect_image"), ("GET", "/images/(.+)/get", "save_one"),
        ("POST", "/images/(.+)/tag", "tag_image"), ("DELETE", "/images/(.+)", "delete_image"),
    ]

    def __init__(self, path=None, port=0, tls=None):
        Server.__init__(self, path, port, tls)
        Engine.__init__(self)
        self.export_seconds = 0     # how long it prepares before the first byte of an export

    @property
    def url(self):
        return f"unix://{self.path}" if self.path else f"tcp://127.0.0.1:{self.port}"

    def stop(self):
        Server.stop(self)
        self.drop_streams()

    def default_headers(self):
        return {"Api-Version": API_VERSION, "Docker-Experimental": "false", "Ostype": "linux",
                "Server": f"Docker/{VERSION} (linux)", **super().default_headers()}

    def handle(self, request):
        version = re.match(r"/v(\d+)\.(\d+)(/.*)", request.path)
        if version:
            request.path = version[3]
            asked = int(version[1]), int(version[2])
            if asked > tuple(map(int, API_VERSION.split("."))):
                text = f"client version {version[1]}.{version[2]} is too new."
                return Response(400, {"message": f"{text} Maximum supported API version is {API_VERSION}"})
        try:
            return super().handle(request)
        except Refused as refused:
            return Response(refused.status, {"message": refused.message} if refused.message else b"")

    # about the engine

    def ping(self, _request):
        headers = {"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache"}
        return Response(200, "OK", headers, "text/plain; charset=utf-8")

    def version(self, _request):
        details = {"ApiVersion": API_VERSION, "Arch": "amd64", "MinAPIVersion": MIN_API_VERSION, "Os": "linux"}
        return Response(200, {
            "Platform": {"Name": ""}, "Components": [{"Name": "Engine", "Version": VERSION, "Details": details}],
            "Version": VERSION, "ApiVersion": API_VERSION, "MinAPIVersion": MIN_API_VERSION, "GitCommit": "5d6db84",
            "GoVersion": "go1.19.8", "Os": "linux", "Arch": "amd64", "KernelVersion": "6.1.0"})

    def info(self, _request):
        states = [c.state for c in self.containers.values()]
        return Response(200, {
            "ID": "AAAA:BBBB", "Containers": len(states), "ContainersRunning": states.count("running"),
            "ContainersPaused": states.count("paused"), "ContainersStopped": states.count("exited"),
            "Images": len(self.images), "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]],
            "Name": "scripted", "ServerVersion": VERSION, "OSType": "linux", "Architecture": "x86_64",
            "DockerRootDir": model.ROOT, "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "NCPU": 2,
            "SecurityOptions": ["name=seccomp,profile=default"], "CgroupDriver": "cgroupfs", "CgroupVersion": "1"})

    def events(self, request):
        filters = request.filters()
        stream = queue.SimpleQueue()
        with self.lock:
            since = int(float(request.arg("since") or 0) * 1e9)
            for event in self.history if request.arg("since") else []:
                if event["timeNano"] >= since:
                    stream.put(event)
            if request.arg("until"):
                stream.put(None)
            else:
                self.streams.append(stream)
        lines = self.event_lines(stream, filters, request.connection, bool(request.arg("until")))
        return Response(200, lines, content_type="application/json")

    def event_lines(self, stream, filters, connection, ends):
        try:
            while True:
                try:
                    event = stream.get(timeout=0.2)
                except queue.Empty:
                    if connection.gone():
                        return
                    continue
                if event is None and ends:
                    return
                if event is None:
                    connection.cut("close")
                if self.wanted(event, filters):
                    yield archive.dumps(event).encode() + b"\n"
        finally:
            with self.lock:
                if stream in self.streams:
                    self.streams.remove(stream)

    @staticmethod
    def wanted(event, filters):
        actor = event["Actor"]
        objects = filters.get("container", []) + filters.get("image", [])
        names = {actor["ID"], actor["Attributes"].get("name", "")}
        return ((event["Type"] in filters["type"] if "type" in filters else True)
                and (any(str(event["Action"]).startswith(x) for x in filters["event"]) if "event" in filters else True)
                and (any(x in names or actor["ID"].startswith(x) for x in objects) if objects else True))

    # containers

    def list_containers(self, request):
        filters = request.filters()
        everyone = request.arg("all") in ("1", "true", "True")
        with self.lock:
            found = list(self.containers.values())[::-1]
            if ids := filters.get("id"):
                found = [c for c in found if any(c.id.startswith(i) for i in ids)]
            if names := filters.get("name"):
                found = [c for c in found if any(re.search(n, "/" + c.name) for n in names)]
            if states := filters.get("status"):
                found, everyone = [c for c in found if c.state in states], True
            if labels := filters.get("label"):
                found = [c for c in found if all(x.partition("=")[0] in c.labels for x in labels)]
            found = [c for c in found if everyone or c.running]
            text = "[" + ",".join(c.list_json() for c in found) + "]\n"
        return Response(200, text, content_type="application/json")

    def inspect_container(self, _request, name):
        return Response(200, self.find(name).inspect())

    def changes_of(self, _request, name):
        return Response(200, self.find(name).changes_list())

    def act(self, request, name, what):
        request.body()
        {"start": self.start, "stop": self.stop_container, "kill": lambda n: self.die(n, 137), "pause": self.pause,
         "unpause": self.unpause}[what](name)
        return Response(204)

    def rename_container(self, request, name):
        self.rename(name, request.arg("name"))
        return Response(204)

    def create_container(self, request):
        about = request.json()
        with self.lock:
            image = self.find_image(about.get("Image", ""))
            name = request.arg("name") or f"quiet_{len(self.containers)}"
            self.check_name(name)
            container = self.add_container(name, image, "created", image_ref=about["Image"], env=about.get("Env") or [],
                                           command=about.get("Cmd") or ["/bin/sh"], labels=about.get("Labels"))
        return Response(201, {"Id": container.id, "Warnings": []})

    def remove_container(self, request, name):
        self.remove(name, request.arg("force") in ("1", "true"))
        return Response(204)

    def put_archive(self, request, name):
        self.find(name)
        request.body()
        return Response(200)

    def commit_container(self, request):
        request.body()
        name = request.arg("container")
        if not name:
            raise Refused(400, 'invalid name or ID supplied: ""')
        repo, tag = request.arg("repo"), request.arg("tag")
        ref = f"{repo}:{tag or 'latest'}" if repo else None
        changes = [line for text in request.query.get("changes", []) for line in text.split("\n") if line.strip()]
        image = self.commit(name, ref, request.arg("pause", "1") not in ("0", "false", "False"),
                            request.arg("author"), request.arg("comment"), changes)
        return Response(201, {"Id": image.id})

    # images

    def list_images(self, request):
        filters = request.filters()
        with self.lock:
            found = sorted(self.images.values(), key=lambda i: -i.created)
            if refs := filters.get("reference"):
                found = [i for i in found if {model.full_ref(r) for r in refs} & set(i.refs)]
            if dangling := filters.get("dangling"):
                found = [i for i in found if (not i.refs) == (dangling[0] in ("1", "true"))]
            return Response(200, [i.list_entry() for i in found])

    def inspect_image(self, _request, name):
        return Response(200, self.find_image(name).inspect())

    def tag_image(self, request, name):
        repo = request.arg("repo")
        image = self.find_image(name)
        if repo != repo.lower():
            raise Refused(500, "invalid reference format: repository name must be lowercase")
        self.tag(image, f"{repo}:{request.arg('tag') or 'latest'}")
        return Response(201)

    def delete_image(self, request, name):
        force = request.arg("force") in ("1", "true")
        with self.lock:
            image = self.find_image(name)
            user = self.user_of(image)
            ref = model.full_ref(name)
            if ref in self.refs and (len(image.refs) > 1 or not user or force):
                return Response(200, self.untag(ref))
            if user:
                raise Refused(409, f'conflict: unable to remove repository reference "{name}" (must force) - container '
                                   f"{user.id[:12]} is using its referenced image {image.hex_id[:12]}")
            if len(image.refs) > 1 and not force:
                raise Refused(409, f"conflict: unable to delete {image.hex_id[:12]} (must be forced) - image is "
                                   "referenced in multiple repositories")
            gone = [x for r in list(image.refs) for x in self.untag(r)]
            return Response(200, gone if image.id not in self.images else gone + self.delete(image))

    def export(self, request, names):
        wanted = []
        for name in names:
            image, ref = self.find_image(name), model.full_ref(name)
            wanted.append((image, [ref] if ref in image.refs else []))
        if self.export_seconds:
            request.connection.wait(request.record, None, self.export_seconds)
        for image, _ in wanted:
            self.image_event(image, "save")
        return Response(200, archive.save(wanted), content_type="application/x-tar")

    def save_one(self, request, name):
        return self.export(request, [name])

    def save_many(self, request):
        return self.export(request, request.query.get("names", []))

    def load(self, request):
        lines = []
        for config, refs, sizes in archive.load(request.pieces()):
            image = model.Image(config, [archive.Layer(size) for size in sizes])
            with self.lock:
                image = self.images.setdefault(image.id, image)
                for ref in refs:
                    self.tag(image, ref)
                self.image_event(image, "load", image.id)
            lines += [f"Loaded image: {ref}\n" for ref in refs] or [f"Loaded image ID: {image.id}\n"]
        return Response(200, (archive.dumps({"stream": x}).encode() + b"\r\n" for x in lines),
                        content_type="application/json")


def command(engine, words):
    """One line of the program's standard input."""
    verb, rest = words[0], words[1:]
    if verb == "add":
        engine.add_containers(int(rest[0]), f"n{len(engine.containers)}-", quiet=False)
        return str(len(engine.containers))
    if verb == "events":
        engine.churn(int(rest[0]))
        return rest[0]
    if verb == "count":
        return str(engine.count(rest[0] if rest else ""))
    if verb == "drop":
        return str(engine.drop_streams())
    if verb == "refuse":
        engine.drop_streams()
        engine.refuse()
        return ""
    if verb == "listen":
        engine.listen()
        return ""
    raise ValueError(f"unknown command {verb}")


def main():
    parser = argparse.ArgumentParser(description="a scripted Docker Engine")
    parser.add_argument("--socket", help="path of its Unix socket (else a free port of 127.0.0.1)")
    parser.add_argument("--containers", type=int, default=0)
    parser.add_argument("--image-size", type=int, default=4096, help="bytes in the layer of its one image")
    args = parser.parse_args()
    with ScriptedEngine(args.socket) as engine:
        engine.add_image("busybox:latest", args.image_size, quiet=True)
        engine.add_containers(args.containers)
        print("ready", engine.url, flush=True)
        for line in sys.stdin:
            if line.split() == ["quit"]:
                break
            try:
                print("ok", command(engine, line.split()), flush=True)
            except (ValueError, IndexError) as error:
                print("error", error, flush=True)


if __name__ == "__main__":
    main()
