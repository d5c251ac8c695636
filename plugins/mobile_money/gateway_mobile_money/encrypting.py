"""Credentials as operators want them: RSA, then base64. The bytes differ on every call: they are put in when sending.

Sources: Safaricom Daraja "Security credentials" (PKCS#1 v1.5 with the X.509 certificate of the portal; the password
alone), Airtel developer portal "PIN encryption" (base64 SPKI key; padding differs by market).
"""

from __future__ import annotations

import base64
import binascii
import re
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway_core.contract import Unfit

PADDINGS: dict[str, padding.AsymmetricPadding] = {
    "pkcs1v15": padding.PKCS1v15(),
    "oaep": padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None),  # noqa: S303
    "oaep-sha256": padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None),
}


def with_certificate(text: str, certificate: str) -> str:
    """M-Pesa's SecurityCredential. The certificate's dates are not looked at: those in circulation ran out long ago."""
    try:
        # Old certificates have serial numbers that newer rules forbid; only the key is used.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError:
        raise Unfit("certificate is no X.509 certificate in PEM; take it from the operator's portal") from None
    return _encrypted(text, key, "pkcs1v15", "certificate")


def with_public_key(text: str, public_key: str, name: str) -> str:
    """Airtel's PIN. `public_key` is base64 of the SubjectPublicKeyInfo, with or without PEM lines."""
    if name not in PADDINGS:
        raise Unfit(f"pin_padding is none of {', '.join(PADDINGS)}")
    try:
        # White space and PEM's lines around it do not matter.
        bare = re.sub(r"-----[A-Z ]+-----|\s", "", public_key)
        key = serialization.load_der_public_key(base64.b64decode(bare, validate=True))
    except (ValueError, binascii.Error):
        raise Unfit("public_key is no RSA key in base64; copy it from the operator's portal") from None
    return _encrypted(text, key, name, "public_key")


def _encrypted(text: str, key: object, name: str, setting: str) -> str:
    if not isinstance(key, RSAPublicKey):
        raise Unfit(f"{setting} holds no RSA key")
    return base64.b64encode(key.encrypt(text.encode(), PADDINGS[name])).decode()
