"""OpenAI through a company's proxy that opens TLS with a certificate authority of its own, as the environment says it.

The proxy of the test makes no tunnel: it is the provider's end of TLS itself, with a certificate that only its own
authority vouches for.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftkit import patience
from ftkit.backend import LostReply, NotSent, Unavailable
from ftkit_openai import OpenAISettings
from ftkit_openai.client import Client
from tests import loopback
from tests.loopback import Loopback, Request, answers
from tests.openai_ways import WAYS

HOST = "api.openai.invalid"
KEY, PASSWORD = "sk-proxied-0123456789", "proxy-pass-77123"
PAID = "create"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")

COMPLETION = {
    "id": "chatcmpl-1",
    "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    "data": [],
    "has_more": False,
}


def openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and a certificate for the provider's host that this authority has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not installed")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "host.ext").write_text(f"subjectAltName=DNS:{HOST}\n")
    made = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        "req", "-x509", *made, "-subj", "/CN=A company", "-days", "20000",
        "-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca.key", "-out", "ca.pem",
        folder=folder,
    )  # fmt: skip
    openssl(
        "req", *made, "-subj", f"/CN={HOST}", "-keyout", "host.key", "-out", "host.csr",
        folder=folder,
    )  # fmt: skip
    openssl(
        "x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "20000",
        "-extfile", "host.ext", "-out", "host.pem",
        folder=folder,
    )  # fmt: skip
    return folder


class Proxy(Loopback):
    """Answers CONNECT, then speaks for the provider; `inside` holds what came through."""

    def __init__(self, authority: Path) -> None:
        super().__init__(self._connect)
        self.inside: list[Request] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(authority / "host.pem", authority / "host.key")

    def _connect(self, connection: socket.socket, request: Request) -> bool:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self._tls.wrap_socket(connection, server_side=True) as opened:
            if inner := loopback._read(opened, request.connection):
                self.inside.append(inner)
                streamed = b'"stream":true' in inner.body.replace(b" ", b"")
                (_streams if streamed else answers(200, COMPLETION))(opened, inner)
        return False


def _streams(connection: socket.socket, request: Request) -> bool:
    end = b'{"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}'
    count = b'{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}'
    body = b"data: " + end + b"\n\ndata: " + count + b"\n\ndata: [DONE]\n\n"
    connection.sendall(loopback.raw(200, body, Content_Type="text/event-stream"))
    return True


@pytest.fixture
def proxy(authority: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The proxy, which the environment names with a login."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(patience, "_budgets", {})
    server = Proxy(authority)
    monkeypatch.setenv("HTTPS_PROXY", server.url.replace("//", f"//me:{PASSWORD}@"))
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://{HOST}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield server
    server.close()


@pytest.mark.parametrize("way", WAYS)
def test_every_call_goes_through_the_proxy_and_trusts_its_authority(
    way: str, proxy: Proxy, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    WAYS[way](Client(OpenAISettings()))
    (tunnel,), (inner,) = proxy.requests, proxy.inside
    assert (tunnel.method, tunnel.target) == ("CONNECT", f"{HOST}:443")
    assert inner.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(tunnel.headers), "the key is for the provider"
    assert "proxy-authorization" in tunnel.headers
    assert "proxy-authorization" not in inner.headers, "the login is for the proxy"


@pytest.mark.parametrize("way", WAYS)
def test_an_authority_that_nobody_named_is_not_trusted_and_nothing_was_sent(
    way: str, proxy: Proxy
) -> None:
    with pytest.raises(NotSent if way == PAID else Unavailable, match="CERTIFICATE_VERIFY") as no:
        WAYS[way](Client(OpenAISettings()))
    assert not isinstance(no.value, LostReply)
    assert proxy.requests and proxy.inside == []


@pytest.mark.parametrize("way", WAYS)
def test_a_proxy_that_makes_no_tunnel_sent_nothing_and_keeps_its_password(
    way: str, proxy: Proxy
) -> None:
    proxy.answer = answers(407, b"", Proxy_Authenticate="Basic")
    with pytest.raises(NotSent if way == PAID else Unavailable, match="ProxyError") as no:
        WAYS[way](Client(OpenAISettings()))
    assert not isinstance(no.value, LostReply)
    assert PASSWORD not in f"{no.value!r}{no.value.__cause__!r}"


@pytest.mark.parametrize("way", WAYS)
def test_a_host_that_needs_no_proxy_is_asked_directly(
    way: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", HOST)
    with pytest.raises(NotSent if way == PAID else Unavailable, match="ConnectError"):
        WAYS[way](Client(OpenAISettings()))
    assert proxy.requests == []
