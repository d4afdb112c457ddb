# SPDX-License-Identifier: Apache-2.0
"""What passes through a scripted server: requests, answers, the record of both, and the faults that spoil them."""
import dataclasses
import json
import re
import threading
import time
import urllib.parse

BLOCK = 256 * 1024
KEPT_BODY = 64 * 1024


class Dropped(Exception):
    """The connection is over: the peer went away, the server stops, or a fault wants it."""


class Killed(Dropped):
    """The server died in the middle of a request: nobody cleans up."""


@dataclasses.dataclass
class Fault:
    """What goes wrong with the requests whose "METHOD /target" contains the pattern `match`.

    It acts on `times` requests (None: on all), after letting `skip` of them pass. Offsets count bytes of the body.
    """
    match: str
    times: int | None = 1
    skip: int = 0
    # before the answer
    delay: float = 0                        # seconds before the handler runs
    gate: threading.Event | None = None     # the handler runs when this is set
    silent: bool = False                    # read the request's head, never answer
    drop: bool = False                      # read the request's head, close without an answer
    # instead of the answer
    status: int = 0
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes | str | dict = b""
    endless_header: bool = False            # header lines until the client gives up (64 MiB at most)
    # while answering
    cut_after: int | None = None            # close (how="close") or reset (how="reset"), in mid-chunk if chunked
    stall_after: int | None = None          # send no more, keep the connection
    short_after: int | None = None          # end the chunks cleanly although more was to come
    error_after: int | None = None          # then one line of JSON with `error`, and a clean end
    error: str = "write /var/lib/docker/tmp/x: no space left on device"
    truncate: int | None = None             # a whole HTTP answer whose body has only that many bytes
    corrupt_at: int | None = None           # flip the bits of that byte
    rate: int | None = None                 # bytes a second
    how: str = "close"
    # while the client uploads
    upload_cut_after: int | None = None
    upload_stall_after: int | None = None
    upload_corrupt_at: int | None = None
    upload_stick_after: int | None = None   # close, and leave behind what a server does that is killed
    drop_answer: bool = False               # do all that was asked, then close without an answer
    # what became of it
    hits: int = 0

    def wants(self, request):
        if not re.search(self.match, f"{request.method} {request.target}"):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


NO_FAULT = Fault(match="(?!)")


@dataclasses.dataclass
class Record:
    """One request as the server saw it."""
    method: str
    target: str
    headers: dict
    started: float
    body_length: int = 0
    body: bytes = b""           # its first 64 KiB
    status: int = 0             # 0: not answered (yet)
    finished: float = 0
    client_gone: bool = False   # the client hung up before it had its answer

    @property
    def line(self):
        return f"{self.method} {self.target}"

    def json(self):
        return json.loads(self.body)


class Response:
    """An answer; an iterable body is sent in chunks, one per item."""

    def __init__(self, status=200, body=b"", headers=None, content_type=None, length=None):
        self.status, self.headers, self.length = status, dict(headers or {}), length
        if isinstance(body, (dict, list)) or body is None and status == 200:
            body = json.dumps(body, separators=(",", ":")).encode() + b"\n"
            content_type = content_type or "application/json"
        self.body = body.encode() if isinstance(body, str) else body or b""
        if content_type:
            self.headers.setdefault("Content-Type", content_type)

    @property
    def streamed(self):
        return not isinstance(self.body, bytes)


class Request:
    """A request; its body is read from the socket when the handler asks for it."""

    def __init__(self, connection, method, target, headers):
        self.connection, self.method, self.target, self.headers = connection, method, target, headers
        parts = urllib.parse.urlsplit(target)
        self.path = urllib.parse.unquote(parts.path)
        self.raw_path = parts.path
        self.query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        self.fault = NO_FAULT
        self.record = Record(method, target, headers, time.monotonic())
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.length = int(headers.get("content-length", 0))
        self.expects = headers.get("expect", "").lower() == "100-continue"
        self.unread = self.chunked or self.length > 0

    def arg(self, name, default=""):
        return self.query.get(name, [default])[0]

    def filters(self):
        """The `filters` argument in either of the engine's two forms, as {key: [values]}."""
        found = json.loads(self.arg("filters") or "{}")
        return {k: [x for x in v if not isinstance(v, dict) or v[x]] for k, v in found.items()}

    def body(self):
        return b"".join(self.pieces())

    def json(self):
        return json.loads(self.body() or b"{}")

    def pieces(self):
        """The body, piece by piece; Dropped if the client stops before its end."""
        if self.expects and self.unread:
            self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.expects = False
        for piece in self._chunks() if self.chunked else self._counted(self.length):
            piece = self._spoil(piece)
            if len(self.record.body) < KEPT_BODY:
                self.record.body += piece[:KEPT_BODY - len(self.record.body)]
            self.record.body_length += len(piece)
            yield piece
        self.unread = False

    def _spoil(self, piece):
        fault, start = self.fault, self.record.body_length
        end = start + len(piece)
        if fault.upload_cut_after is not None and end > fault.upload_cut_after:
            self.connection.cut(fault.how)
        if fault.upload_stick_after is not None and end > fault.upload_stick_after:
            raise Killed
        if fault.upload_stall_after is not None and end > fault.upload_stall_after:
            self.connection.stall(self.record)
        if fault.upload_corrupt_at is not None and start <= fault.upload_corrupt_at < end:
            piece = flip(piece, fault.upload_corrupt_at - start)
        return piece

    def _counted(self, left):
        while left:
            piece = self.connection.read(min(left, BLOCK))
            left -= len(piece)
            yield piece

    def _chunks(self):
        while size := int(self.connection.line().split(b";")[0], 16):
            yield from self._counted(size)
            self.connection.line()
        while self.connection.line():
            pass


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:]
