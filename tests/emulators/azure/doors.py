"""A door of TLS before an emulator: azure-identity and azure-mgmt-* send no secret to an address that is not https.

Bytes go through it as they are; its certificate is made anew each time, for 127.0.0.1 alone.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"


class Door:
    """https://127.0.0.1:PORT in front of a server on this machine; use it as a context manager.

    `certificate` is the file that a client must trust.
    """

    def __init__(self, url: str, folder: Path) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._inside = (host, int(port))
        self.certificate, key = folder / "door.pem", folder / "door.key"
        _write_certificate(self.certificate, key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)

    def __enter__(self) -> Self:
        opened = threading.Event()
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._stand(opened),), daemon=True
        )
        self._thread.start()
        opened.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _stand(self, opened: threading.Event) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._let_in, HOST, 0, ssl=self._context)
        self.host = f"{HOST}:{server.sockets[0].getsockname()[1]}"
        self.url = f"https://{self.host}"
        opened.set()
        await self._closing.wait()
        server.close()

    async def _let_in(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # the door closes while somebody stands in it
            reader, writer = await asyncio.open_connection(*self._inside)
            await asyncio.gather(_pump(client, writer), _pump(reader, back))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(65_536):
            target.write(chunk)
            await target.drain()
    target.close()


def _write_certificate(certificate: Path, key: Path) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "emulator")])
    now = datetime.datetime.now(datetime.UTC)  # TLS knows no virtual time
    day = datetime.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.touch(mode=0o600)
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
