"""Certificates for tests: an authority of one's own, servers and clients that it vouches for, and expired ones.

Elliptic curve P-256, for 127.0.0.1 and localhost, made in memory and written only where the `ssl` module must read.
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
NAMES = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


class Authority:
    """Signs certificates; whoever trusts it trusts those."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("Authority for tests")
        # pathlen and key usage as strict verifiers (Python 3.13) want them.
        self._certificate = _signed(
            self._name, self._name, self._key, self._key, 30,
            [(x509.BasicConstraints(True, 0), True), (_usage(True), True), (_identifier(self._key), False)],
        )  # fmt: skip
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str, days: float = 30, names: tuple[x509.GeneralName, ...] = NAMES) -> str:
        """A certificate and its key as PEM. `days` until it expires; a negative number has expired it."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(False, None), True), (x509.SubjectAlternativeName(names), False),
            (_identifier(key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        ]  # fmt: skip
        certificate = _signed(_named(name), self._name, key, self._key, days, extensions)
        kept = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode() + kept.decode()

    def server(self, pem: str = "", *, asks: bool = False) -> ssl.SSLContext:
        """A server's context. `asks`: clients must show a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _load(context, pem or self.issue("server"))
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.pem)
        return context

    def client(self, pem: str = "") -> ssl.SSLContext:
        """The context of a client that trusts this authority, with a certificate if given one."""
        context = ssl.create_default_context(cadata=self.pem)
        context.set_alpn_protocols(["http/1.1"])
        if pem:
            _load(context, pem)
        return context


@cache
def authority() -> Authority:
    """One for the whole process."""
    return Authority()


def _load(context: ssl.SSLContext, pem: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.pem"
        path.touch(0o600)
        path.write_text(pem)
        context.load_cert_chain(path)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


def _signed(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey,
    days: float, extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:  # fmt: skip
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * DAY)
        .not_valid_after(now + days * DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256())
