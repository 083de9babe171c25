"""A small HTTP server on the loopback interface that misbehaves on request."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What the server holds and how it answers; `seen` collects (path, Range, If-Range) of each request."""

    files: dict[str, bytes]
    has_ranges: bool = True
    etag: str = '"one"'
    cut_after: list[int] = field(default_factory=list)  # for each answer in turn: close after so many bytes of the body
    status: int = 200
    range_start_off_by: int = 0  # a server that sends another piece than was asked for
    seen: list[tuple[str, str | None, str | None]] = field(default_factory=list)


@contextmanager
def serve(behaviour: Behaviour) -> Iterator[str]:
    """The address of a running server, with a slash at its end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            behaviour.seen.append((self.path, wanted, self.headers.get("If-Range")))
            content = behaviour.files.get(self.path.lstrip("/"))
            if content is None or behaviour.status != 200:
                self.send_error(404 if content is None else behaviour.status)
                return
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            is_current = self.headers.get("If-Range") in (None, behaviour.etag)
            if match and behaviour.has_ranges and is_current:
                start = int(match[1]) + behaviour.range_start_off_by
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                content = content[start:]
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", behaviour.etag)
            self.end_headers()
            self.wfile.write(content[: behaviour.cut_after.pop(0)] if behaviour.cut_after else content)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
