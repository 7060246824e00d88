"""The pages nginx makes itself, byte for byte, without the Server header that ingress-nginx takes away."""

from __future__ import annotations

from ingressdoctor.lab.serve.wire import Response

_REASONS = {
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def page(status: int, detail: str = "") -> Response:
    """An error page; *detail* is the second line of some 400s."""
    title = f"{status} {_REASONS[status]}"
    head = f"400 {detail}" if detail else title
    lines = [
        "<html>",
        f"<head><title>{head}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        *((f"<center>{detail}</center>",) if detail else ()),
        "<hr><center>nginx</center>",
        "</body>",
        "</html>",
        "",
    ]
    body = "\r\n".join(lines).encode()
    return Response(status=status, headers=(("Content-Type", "text/html"),), body=body, reason=_REASONS[status])


def redirect(status: int, location: str) -> Response:
    """A redirect with nginx's page."""
    known = page(status if status in _REASONS else 302)
    return Response(
        status=status, headers=(*known.headers, ("Location", location)), body=known.body, reason=known.reason
    )
