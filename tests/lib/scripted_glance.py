# SPDX-License-Identifier: Apache-2.0
"""A scripted Glance v2: records, uploads and downloads, with the real one's statuses and errors.

    with ScriptedGlance() as glance:                    # without Keystone: any token or none will do
        glance.hash_algo = "sha256"                     # what the operator chose
        glance.fault("^PUT .*/file", upload_cut_after=1_000_000, how="reset")
        ...
        assert glance.only("web").status == "active"
"""
import datetime
import hashlib
import re
import tempfile
import threading
import urllib.parse
import uuid

if __package__:
    from .scripted_http import Response, Server
    from .scripted_message import Dropped, Killed
else:
    from scripted_http import Response, Server
    from scripted_message import Dropped, Killed

JSON_PATCH = "application/openstack-images-v2.1-json-patch"
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 410: "Gone",
          413: "Request Entity Too Large", 415: "Unsupported Media Type"}
FORMATS = {"container_format": {"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"},
           "disk_format": {"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"}}
READ_ONLY = {"created_at", "updated_at", "status", "size", "checksum", "os_hash_algo", "os_hash_value", "virtual_size",
             "self", "file", "schema", "direct_url", "locations"}
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
BLOCK = 1 << 20


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


class Record:
    """An image of the service: `about` is what the client set, the rest is the service's."""

    def __init__(self, ident, about, owner):
        self.id, self.owner = ident, owner
        self.about = {"name": None, "container_format": None, "disk_format": None, "visibility": "shared",
                      "protected": False, "min_ram": 0, "min_disk": 0, "os_hidden": False, "tags": []} | about
        self.status, self.history = "queued", ["queued"]
        self.size = self.checksum = self.hash_algo = self.hash_value = self.data = None
        self.created = self.updated = datetime.datetime.now(datetime.timezone.utc)

    def become(self, status):
        self.status = status
        self.history.append(status)

    @property
    def name(self):
        return self.about["name"]

    @property
    def tags(self):
        return self.about["tags"]

    def show(self):
        link = f"/v2/images/{self.id}"
        return self.about | {
            "status": self.status, "size": self.size, "virtual_size": None, "checksum": self.checksum,
            "os_hash_algo": self.hash_algo, "os_hash_value": self.hash_value, "owner": self.owner, "id": self.id,
            "created_at": self.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "updated_at": self.updated.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "self": link, "file": link + "/file", "schema": "/v2/schemas/image"}


class ScriptedGlance(Server):
    routes = [("GET", "/", "versions"), ("GET", "/versions", "versions"), ("GET", "/v2/images", "list_images"),
              ("POST", "/v2/images", "create"),
              ("GET", "/v2/images/([^/]+)", "show"), ("DELETE", "/v2/images/([^/]+)", "delete"),
              ("PATCH", "/v2/images/([^/]+)", "patch"),
              ("PUT", "/v2/images/([^/]+)/file", "upload"), ("GET", "/v2/images/([^/]+)/file", "download"),
              ("PUT", "/v2/images/([^/]+)/tags/(.+)", "add_tag"),
              ("DELETE", "/v2/images/([^/]+)/tags/(.+)", "delete_tag")]

    def __init__(self, path=None, keystone=None, port=0, tls=None):
        super().__init__(path, port, tls)
        self.keystone = keystone
        self.images, self.used_ids = {}, set()
        self.lock = threading.RLock()
        self.hash_algo = "sha512"
        self.size_cap = None        # bytes of one image; more is 413 as soon as it is seen
        self.quota = None           # bytes of one upload; in chunks it is noticed after the last byte only
        self.new_role_rules = False     # the role `reader` may only look
        self.keep_data = True       # False: sizes and hashes only, for what is too large to keep

    def records(self, name=None):
        with self.lock:
            return [r for r in self.images.values() if name in (None, r.name)]

    def only(self, name):
        """The one record of that name; AssertionError if there is none or another."""
        found = self.records(name)
        assert len(found) == 1, f"{len(found)} records named {name}: {[(r.id, r.status) for r in found]}"
        return found[0]

    def add(self, name, data=b"", status="active", **about):
        """A record that was there before."""
        record = Record(str(uuid.uuid4()), {"name": name, "container_format": "docker", "disk_format": "raw"} | about,
                        "d" * 32)
        record.become(status)
        if status == "active":
            sink = Sink(self.hash_algo, self.keep_data)
            sink.write(data)
            sink.store(record)
        with self.lock:
            self.images[record.id] = record
            self.used_ids.add(record.id)
        return record

    # errors and rights

    def default_headers(self):
        return {"X-Openstack-Request-Id": f"req-{uuid.uuid4()}", **super().default_headers()}

    def handle(self, request):
        try:
            request.owner, request.roles = self.authorize(request)
            return super().handle(request)
        except Refused as refused:
            return self.error(request, refused.status, refused.message)

    def error(self, request, status, message):
        title = TITLES[status]
        if status == 401:
            body = {"error": {"code": 401, "title": title, "message": message}}
            return Response(401, body, {"WWW-Authenticate": 'Keystone uri="http://127.0.0.1"'})
        if "application/json" in request.headers.get("accept", ""):
            return Response(status, {"message": message + "<br /><br />\n\n\n", "code": f"{status} {title}",
                                     "title": title})
        page = f"<html>\n <head>\n  <title>{status} {title}</title>\n </head>\n <body>\n  <h1>{status} {title}</h1>\n" \
               f"  {message}<br /><br />\n\n\n </body>\n</html>"
        return Response(status, page, content_type="text/html; charset=UTF-8")

    def authorize(self, request):
        """(project, roles) of the caller."""
        if not self.keystone or request.path in ("/", "/versions"):
            return None, ["member"]
        token = self.keystone.check(request.headers.get("x-auth-token"))
        if not token:
            raise Refused(401, "The request you have made requires authentication.")
        return self.keystone.projects.get(token.project), token.roles

    def writer(self, request):
        if self.new_role_rules and "member" not in request.roles:
            raise Refused(403, "You are not authorized to complete this action.")

    def find(self, request, ident):
        with self.lock:
            record = self.images.get(ident)
        if not record or self.keystone and record.owner != request.owner and record.about["visibility"] != "public":
            raise Refused(404, f"No image found with ID {ident}")
        return record

    def not_found(self, request):
        return self.error(request, 404, "The resource could not be found.")

    # records

    def versions(self, _request):
        entries = [{"id": f"v2.{n}", "status": "CURRENT" if n == 15 else "SUPPORTED",
                    "links": [{"rel": "self", "href": f"http://127.0.0.1:{self.port}/v2/"}]} for n in (15, 9, 7, 2, 0)]
        return Response(300, {"versions": entries})

    def list_images(self, request):
        with self.lock:
            found = sorted(self.images.values(), key=lambda r: (r.created, r.id), reverse=True)
            found = [r for r in found if not self.keystone or r.owner == request.owner
                     or r.about["visibility"] == "public"]
            shown = [r.show() for r in found]
        args = {k: v[0] for k, v in request.query.items()}
        limit, marker = int(args.pop("limit", 25)), args.pop("marker", None)
        for name, value in args.items():
            shown = [s for s in shown if self.matches(s, name, value)]
        if marker:
            if marker not in [s["id"] for s in shown]:
                raise Refused(400, f"Marker {marker} not found")
            shown = shown[[s["id"] for s in shown].index(marker) + 1:]
        answer = {"images": shown[:limit], "first": "/v2/images" + ("?" + urllib.parse.urlencode(args) if args else ""),
                  "schema": "/v2/schemas/images"}
        if len(shown) > limit:
            more = args | {"marker": shown[limit - 1]["id"], "limit": limit}
            answer["next"] = "/v2/images?" + urllib.parse.urlencode(more)
        return Response(200, answer)

    @staticmethod
    def matches(shown, name, value):
        if name in ("sort", "sort_key", "sort_dir", "member_status"):
            return True
        if name == "tag":
            return value in shown["tags"]
        if value.startswith("in:"):
            return str(shown.get(name)) in [v.strip('"') for v in value[3:].split(",")]
        return str(shown.get(name)) == value

    def create(self, request):
        try:
            about = request.json()
        except ValueError:
            raise Refused(400, "Malformed JSON in request body.") from None
        self.writer(request)
        ident = about.pop("id", None) or str(uuid.uuid4())
        self.check(ident, about)
        with self.lock:
            if ident in self.used_ids:
                raise Refused(409, f"Image ID {ident} already exists!")
            record = self.images[ident] = Record(ident, about, request.owner)
            self.used_ids.add(ident)
        return Response(201, record.show(), {"Location": f"http://127.0.0.1:{self.port}/v2/images/{ident}"})

    @staticmethod
    def check(ident, about):
        if not re.fullmatch(UUID, ident):
            raise Refused(400, f"Provided object does not match schema 'image': '{ident}' does not match the pattern.")
        for name, value in about.items():
            text = f"Provided object does not match schema 'image': {value!r} is not valid for {name}."
            if name in READ_ONLY:
                raise Refused(403, f"Attribute '{name}' is read-only.")
            if name in FORMATS and value is not None and value not in FORMATS[name]:
                raise Refused(400, text)
            if name == "name" and value is not None and (len(value) > 255 or max(value, default=" ") > "\uffff"):
                raise Refused(400, text)
            if name.startswith("os_glance"):
                raise Refused(403, f"Attribute '{name}' is reserved.")
            if name not in ("tags", "protected", "min_ram", "min_disk", "os_hidden", "name", *FORMATS) \
                    and not isinstance(value, str):
                raise Refused(400, text)

    def show(self, request, ident):
        return Response(200, self.find(request, ident).show())

    def delete(self, request, ident):
        with self.lock:
            record = self.find(request, ident)
            self.writer(request)
            if record.about["protected"]:
                raise Refused(403, f"Image {ident} is protected and cannot be deleted.")
            del self.images[ident]
            record.become("deleted")
        return Response(204)

    def patch(self, request, ident):
        record = self.find(request, ident)
        self.writer(request)
        if request.headers.get("content-type", "") != JSON_PATCH:
            raise Refused(415, "Unsupported Media Type")
        with self.lock:
            for change in request.json():
                name = change["path"].strip("/").replace("~1", "/").replace("~0", "~")
                if name in FORMATS and record.status != "queued":
                    raise Refused(403, f"Attribute {name} can be only replaced on a queued image.")
                if change["op"] == "remove":
                    record.about.pop(name, None)
                else:
                    self.check(record.id, {name: change["value"]})
                    record.about[name] = change["value"]
            record.updated = datetime.datetime.now(datetime.timezone.utc)
        return Response(200, record.show())

    def add_tag(self, request, ident, tag):
        record = self.find(request, ident)
        if tag not in record.tags:
            record.tags.append(tag)
        return Response(204)

    def delete_tag(self, request, ident, tag):
        record = self.find(request, ident)
        if tag not in record.tags:
            raise Refused(404, f"Tag {tag} not found")
        record.tags.remove(tag)
        return Response(204)

    # data

    def upload(self, request, ident):
        if request.headers.get("content-type") != "application/octet-stream":
            raise Refused(415, "Unsupported Media Type")
        with self.lock:
            record = self.find(request, ident)
            self.writer(request)
            if record.status != "queued":
                raise Refused(409, f"Image status transition from {record.status} to saving is not allowed")
            if not record.about["container_format"] or not record.about["disk_format"]:
                raise Refused(400, "Properties disk_format, container_format must be set prior to saving data.")
            self.check_size(request.length, early=True)
            record.become("saving")
        self.receive(request, record)
        return Response(204)

    def receive(self, request, record):
        sink = Sink(self.hash_algo, self.keep_data)
        try:
            for piece in request.pieces():
                sink.write(piece)
                self.check_size(sink.size)
        except Killed:
            raise
        except (Dropped, OSError, ValueError, Refused) as error:
            record.become("queued")
            sink.discard()
            raise error if isinstance(error, Refused) else Dropped from error
        if self.quota is not None and sink.size > self.quota:
            raise Refused(413, "The size of the data exceeds the project's quota.")     # and it stays in `saving`
        if record.status == "deleted":
            raise Refused(410, f"Image {record.id} could not be found after upload. The image may have been deleted "
                               "during the upload.")
        sink.store(record)
        record.become("active")

    def check_size(self, size, early=False):
        """A quota is known in advance from a Content-Length, a cap is checked as the bytes come."""
        limits = [self.size_cap, self.quota if early else None]
        if any(limit is not None and size > limit for limit in limits):
            raise Refused(413, "The image exceeds the maximum size that is configured.")

    def download(self, request, ident):
        record = self.find(request, ident)
        if record.status != "active":
            return Response(204)
        headers = {"Content-MD5": record.checksum}
        return Response(200, self.stored(record), headers, "application/octet-stream", record.size)

    @staticmethod
    def stored(record):
        assert record.data, f"{record.id}: its data was not kept"
        start = 0
        while piece := record.data.read_at(start, BLOCK):
            start += len(piece)
            yield piece


class Sink:
    """Takes an upload: counts and hashes it, and keeps it in a file without a name."""

    def __init__(self, algo, keep):
        self.algo, self.size = algo, 0
        self.md5, self.hash = hashlib.md5(), hashlib.new(algo)
        self.file = tempfile.TemporaryFile() if keep else None
        self.lock = threading.Lock()

    def write(self, piece):
        self.size += len(piece)
        self.md5.update(piece)
        self.hash.update(piece)
        if self.file:
            self.file.write(piece)

    def read_at(self, start, size):
        with self.lock:
            self.file.seek(start)
            return self.file.read(size)

    def read(self):
        return self.read_at(0, -1)

    def discard(self):
        if self.file:
            self.file.close()

    def store(self, record):
        record.size, record.checksum = self.size, self.md5.hexdigest()
        record.hash_algo, record.hash_value = self.algo, self.hash.hexdigest()
        record.data = self if self.file else None
