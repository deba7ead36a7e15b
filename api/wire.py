"""Refuses what is no HTTP/1.1 in the same words as everything else: a problem document that says why.

Such a request never reaches the application: a header that is none, a body without a length that can be read, headers
past 64 KB. By itself the server would answer one plain sentence for all of them.
"""

from __future__ import annotations

import sys
from http import HTTPStatus

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.problems import Problem, content_of

LINGER_SECONDS = 1.0
_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class ProblemProtocol(H11Protocol):
    """Answers a broken request with 400, or 431 for headers that are too large, and closes the connection."""

    _is_refused = False

    def data_received(self, data: bytes) -> None:
        """Take what comes; behind what was refused it is dropped."""
        if not self._is_refused:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Called while the error is handled that says what is wrong."""
        problem = _problem(sys.exception())
        content = content_of(problem)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        reason = HTTPStatus(problem.status).phrase.encode()
        for event in (
            h11.Response(status_code=problem.status, headers=headers, reason=reason),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        # Closed at once, what the client still sends would have the answer thrown away before it is read.
        self._is_refused = True
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _problem(error: BaseException | None) -> Problem:
    if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == _TOO_LARGE:
        limit = 65_536
        detail = f"the request line and headers are larger than {limit} bytes"
        return Problem(_TOO_LARGE, "headers_too_large", detail, limit=limit)
    detail = f"this is no HTTP/1.1 request: {error or 'it cannot be read'}"
    return Problem(400, "malformed_http", detail[:300])
