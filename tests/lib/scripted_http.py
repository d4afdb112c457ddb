# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/1.1 server whose every step can be made to fail.

Scripted peers derive from Server and answer handle(). A test adds faults to it, then looks at what was asked:

    server.fault(r"^PUT /v2/images/.*/file", status=503, times=2)
    server.fault(r"^GET /images/.*/get", cut_after=100_000, how="reset")
    ...
    assert server.seen(r"^PUT ")[-1].body_length == 0

Written on bare sockets because the servers of the standard library cannot be stopped in the middle of a chunk.
"""
import contextlib
import json
import os
import re
import select
import socket
import struct
import threading
import time

if __package__:
    from .scripted_message import BLOCK, NO_FAULT, Dropped, Fault, Request, Response, flip
else:   # a peer run as a program
    from scripted_message import BLOCK, NO_FAULT, Dropped, Fault, Request, Response, flip

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 300: "Multiple Choices", 304: "Not Modified",
           400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 410: "Gone",
           413: "Request Entity Too Large", 415: "Unsupported Media Type", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 507: "Insufficient Storage"}


class Connection:
    """One client's connection: a request, an answer, the next request."""

    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.file = sock.makefile("rb", buffering=BLOCK)

    # bytes

    def read(self, size):
        data = self.file.read1(size)
        if not data:
            raise Dropped
        return data

    def line(self):
        text = self.file.readline(65536)
        if not text.endswith(b"\n"):
            raise Dropped
        return text.rstrip(b"\r\n")

    def write(self, data):
        self.sock.sendall(data)

    def gone(self, seconds=0):
        """Whether the client has hung up, or does within that time."""
        poller = select.poll()
        poller.register(self.sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return bool(poller.poll(seconds * 1000))

    def wait(self, record, event, seconds=None):
        """Until `event` (None: never) or `seconds`; Dropped as soon as the client or the server goes.

        It sleeps in poll(): a hundred of these must not keep the interpreter busy.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not (event and event.is_set()):
            left = 0.5 if end is None else end - time.monotonic()
            if left <= 0:
                return
            if self.gone(min(left, 0.02 if event else 0.5)):
                record.client_gone = True
                raise Dropped
            if self.server.stopping.is_set():
                raise Dropped

    def stall(self, record):
        self.wait(record, None)

    def cut(self, how):
        if how == "reset":
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Dropped

    def close(self):
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.sock.close()

    def hang_up(self):
        """Wakes the connection's own thread, which then closes it."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    # requests

    def serve(self):
        try:
            while not self.server.stopping.is_set() and self.serve_one():
                pass
        except (Dropped, OSError, ValueError):
            pass
        finally:
            self.close()
            self.server.forget(self)

    def serve_one(self):
        request = self.read_request()
        self.server.note(request)
        try:
            response = self.answer(request)
            self.send(request, response)
        except OSError:
            request.record.client_gone = True
            raise
        finally:
            request.record.finished = time.monotonic()
            self.server.noticed()
        if request.unread:
            self.linger()
            return False
        return request.headers.get("connection", "").lower() != "close"

    def read_request(self):
        method, target, _ = self.line().decode("latin-1").split(" ", 2)
        headers = {}
        while text := self.line().decode("latin-1"):
            name, _, value = text.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(self, method, target, headers)

    def answer(self, request):
        fault = request.fault
        if self.server.deaf or fault.silent:
            self.stall(request.record)
        if fault.drop:
            self.cut(fault.how)
        if fault.delay:
            self.wait(request.record, None, fault.delay)
        if fault.gate:
            self.wait(request.record, fault.gate)
        if fault.endless_header:
            self.send_endless_header()
        if fault.status:
            return Response(fault.status, fault.body, fault.headers)
        response = self.server.handle(request)
        if fault.drop_answer:
            self.cut(fault.how)
        return response

    def linger(self):
        """Lets a client that is still sending read the answer before the connection goes."""
        self.sock.shutdown(socket.SHUT_WR)
        self.sock.settimeout(0.5)
        end = time.monotonic() + 2
        while time.monotonic() < end and self.sock.recv(BLOCK):
            pass

    # answers

    def send(self, request, response):
        fault, record = request.fault, request.record
        if fault.truncate is not None:
            whole = b"".join(response.body) if response.streamed else response.body
            response.body = whole[:fault.truncate]
        record.status = response.status
        self.server.noticed()
        chunked = response.streamed and response.length is None
        self.write(self.head(request, response, chunked))
        if request.method == "HEAD" or response.status in (204, 304):
            return
        pieces = iter(response.body if response.streamed else [response.body])
        if chunked:
            pieces = self.flushed(pieces)
        for data, claimed in self.shaped(fault, record, pieces):
            if chunked and data:
                self.write(b"%x\r\n" % claimed + data + (b"\r\n" if claimed == len(data) else b""))
            elif data:
                self.write(data)
        if chunked:
            self.write(b"0\r\n\r\n")
        elif fault.short_after is not None or fault.error_after is not None:
            raise Dropped

    @staticmethod
    def flushed(pieces):
        return (p for p in pieces if p)

    def head(self, request, response, chunked):
        headers = {**self.server.default_headers(), **response.headers}
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif response.length is not None:
            headers["Content-Length"] = response.length
        elif response.status not in (204, 304):
            headers["Content-Length"] = len(response.body)
        if request.unread:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def shaped(self, fault, record, pieces):
        """(data, length that its chunk claims) pairs: the body as the fault wants it."""
        limits = [fault.cut_after, fault.stall_after, fault.short_after, fault.error_after]
        limit = min((x for x in limits if x is not None), default=None)
        sent = 0
        for piece in pieces:
            if fault.corrupt_at is not None and sent <= fault.corrupt_at < sent + len(piece):
                piece = flip(piece, fault.corrupt_at - sent)
            if fault.rate:
                self.wait(record, None, len(piece) / fault.rate)
            if limit is not None and sent + len(piece) > limit:
                yield from self.broken(fault, record, piece[:limit - sent], len(piece))
                return
            yield piece, len(piece)
            sent += len(piece)

    def broken(self, fault, record, data, claimed):
        if fault.cut_after is not None or fault.stall_after is not None:
            yield data, claimed
            if fault.cut_after is not None:
                self.cut(fault.how)
            self.stall(record)
        yield data, len(data)
        if fault.error_after is not None:
            text = json.dumps({"errorDetail": {"message": fault.error}, "error": fault.error}).encode() + b"\r\n"
            yield text, len(text)

    def send_endless_header(self):
        self.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1024):
            self.write(b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(64)))
        raise Dropped


class Server:
    """Listens on a Unix socket (`path`) or on a free port of 127.0.0.1; `tls` is an ssl.SSLContext."""

    routes = []     # (method, pattern of the whole path, name of the method that answers)

    def __init__(self, path=None, port=0, tls=None):
        self.path, self.port, self.tls = path and os.fspath(path), port, tls
        self.requests, self.faults, self.connections, self.unheard = [], [], set(), []
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self.deaf = False       # accept, read nothing, answer nothing
        self.listener = None

    @property
    def url(self):
        scheme = "https" if self.tls else "http"
        return f"unix://{self.path}" if self.path else f"{scheme}://127.0.0.1:{self.port}"

    # life

    def __enter__(self):
        self.listen()
        return self

    def __exit__(self, *_):
        self.stop()

    def listen(self):
        if self.path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.path)
        else:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            self.port = listener.getsockname()[1]
        listener.listen(512)
        self.listener = listener
        threading.Thread(target=self._accept, args=[listener], daemon=True).start()
        return self

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if self.deaf:       # a hundred of these cost no thread
                self.unheard.append(sock)
                continue
            threading.Thread(target=self._connect, args=[sock], daemon=True).start()

    def _connect(self, sock):
        if self.tls:
            try:
                sock = self.tls.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        connection = Connection(self, sock)
        with self.changed:
            self.connections.add(connection)
        connection.serve()

    def refuse(self, drop=True):
        """Stops listening (connections are refused from now on) and, with `drop`, ends those that there are."""
        if self.listener:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        if drop:
            self.drop_connections()

    def drop_connections(self):
        with self.changed:
            connections = list(self.connections)
        for connection in connections:
            connection.hang_up()
        while self.unheard:
            self.unheard.pop().close()

    def stop(self):
        self.stopping.set()
        self.refuse()

    def forget(self, connection):
        with self.changed:
            self.connections.discard(connection)

    # faults and records

    def fault(self, match, **what):
        rule = Fault(match=match, **what)
        with self.changed:
            self.faults.append(rule)
        return rule

    def clear_faults(self):
        with self.changed:
            for gate in [fault.gate for fault in self.faults if fault.gate]:
                gate.set()
            self.faults.clear()
        self.deaf = False

    def note(self, request):
        with self.changed:
            request.fault = next((f for f in self.faults if f.wants(request)), NO_FAULT)
            self.requests.append(request.record)
            self.changed.notify_all()

    def noticed(self):
        with self.changed:
            self.changed.notify_all()

    def seen(self, match="", since=0):
        """The requests from number `since` on whose "METHOD /target" contains the pattern."""
        with self.changed:
            return [r for r in self.requests[since:] if re.search(match, r.line)]

    def count(self, match="", since=0):
        return len(self.seen(match, since))

    def wait_for(self, match, count=1, timeout=10, answered=False, since=0):
        """Waits until `count` such requests came (or were answered); returns them, AssertionError in vain."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                found = [r for r in self.requests[since:] if re.search(match, r.line) and (r.status or not answered)]
                if len(found) >= count:
                    return found
                left = end - time.monotonic()
                assert left > 0, f"{len(found)} of {count} requests {match!r} in {timeout} s; last: " + \
                    ", ".join(r.line for r in self.requests[-5:])
                self.changed.wait(min(left, 0.5))

    # answers

    def default_headers(self):
        return {"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())}

    def handle(self, request):
        for method, pattern, name in self.routes:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return getattr(self, name)(request, *found.groups())
        return self.not_found(request)

    def not_found(self, request):
        return Response(404, {"message": "page not found"})
