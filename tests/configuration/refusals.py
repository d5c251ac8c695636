"""One row per refusal: what is written, which key is named, why, and the mend. Used by test_refusals."""

from __future__ import annotations

import base64
import copy
import string
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DROP = "(left out)"
# The same in every process, because rows are named after them.
KEY, OTHER = (
    base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed * 32).public_key().public_bytes_raw()).decode()
    for seed in (b"a", b"b")
)
# The last letter of a key has two bits that mean nothing: another letter spells the same key.
LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
RESPELT = KEY[:-2] + LETTERS[LETTERS.index(KEY[-2]) + 1] + "="


def one(**changes: object) -> dict[str, Any]:
    """Changes of the channel `one`."""
    return {"channels": {"one": changes}}


def quiet(hours: object) -> dict[str, Any]:
    """Quiet hours, and the time zone without which they are another mistake."""
    return {"timezone": "Africa/Kampala", **one(quiet_hours=hours)}


def live(**changes: object) -> dict[str, Any]:
    """The channel `one` as a real bank in a live environment, with changes."""
    bank = {"gateway": "bank", "base_url": "https://bank.example", "token": {"env": "TOKEN"}}
    return {"environment": "live", **one(**(bank | changes))}


def sandbox(**changes: object) -> dict[str, Any]:
    """The channel `one` as the sandbox of a bank."""
    return live(**({"sandbox": True} | changes)) | {"environment": "test"}


TOP = [
    ({"deployment": DROP}, "deployment", "missing", "example-grants"),
    ({"deployment": "Example Grants"}, "deployment", "small letters", "example-grants"),
    ({"deployment": "x"}, "deployment", "2 to 63", "example-grants"),
    ({"deployment": 5}, "deployment", "a whole number, expected text", "example-grants"),
    ({"environment": DROP}, "environment", "missing", '"test" or "live"'),
    ({"environment": "production"}, "environment", "none of test, live", '"test" or "live"'),
    ({"store": DROP}, "store", "missing", "sqlite:///payments.db"),
    ({"store": "payments.db"}, "store", "neither sqlite", "sqlite:///payments.db"),
    ({"store": "sqlite://"}, "store", "neither sqlite", "sqlite:///payments.db"),
    ({"store": "sqlite:///:memory:"}, "store", "outlives", "sqlite:///payments.db"),
    ({"store": "sqlite:///a.db?mode=ro"}, "store", "outlives", "sqlite:///payments.db"),
    ({"store": "postgresql://db/grants"}, "store", "neither", "postgresql+psycopg://"),
    ({"store": "postgresql+psycopg://me:pw@db/grants"}, "store", "password", "PGPASSWORD"),
    ({"store": "postgresql+psycopg://db/grants?password=x"}, "store", "password", "PGPASSWORD"),
    ({"store": "postgresql+psycopg://db:port/grants"}, "store", "cannot be read", "postgresql+psycopg://"),
    ({"store": {"env": "NO_SUCH"}}, "store", "NO_SUCH, which is not set", "set NO_SUCH"),
    ({"store": {"url": "x"}}, "store", "not a reference", "env ="),
    ({"deploiment": "x"}, "deploiment", "not a setting", "did you mean deployment?"),
    ({"": 1}, '""', "not a setting", "use one of"),
    ({"a\x1bb": 1}, '"a\\u001bb"', "not a setting", "use one of"),
    ({"zzz": 1}, "zzz", "not a setting", "use one of"),
    ({"retention": 1}, "retention", "not a setting", "use one of"),
    ({"policies": "registry"}, "policies", "text, expected a list", "civil_registry"),
    ({"policies": [1]}, "policies", "a whole number, expected text", "civil_registry"),
    ({"policies": ["registry", "registry"]}, "policies", "twice", "once"),
    ({"policies": ["registri"]}, "policies", "not installed", "did you mean registry?"),
    ({"policies": ["brokenpolicy"]}, "policies", "cannot be imported", "pip install what acme-plugins needs"),
    ({"policies": ["deaf"]}, "policies", "none of check_payments", "give it one"),
    ({"policies": ["wrapping"]}, "policies", "wrapper", "plain method"),
    ({"policies": ["misfit"]}, "policies", "does not fit", "PolicySpecs"),
    ({"policies": ["needy"]}, "policies", "without arguments", "ready to use"),
    ({"policies": ["no_such.module:thing"]}, "policies", "cannot be imported", "PYTHONPATH"),
    ({"policies": ["acme_registry:Missing"]}, "policies", "cannot be imported", "PYTHONPATH"),
    ({"mark_dir": 3}, "mark_dir", "expected text", "path of a folder"),
    ({"mark_dir": "~nobody-of-that-name/x"}, "mark_dir", "home folder", "whole path"),
    ({"timezone": "Mars/Olympus"}, "timezone", "no time zone", "Africa/Kampala"),
    ({"timezone": "../etc/passwd"}, "timezone", "no time zone", "Africa/Kampala"),
    ({"timezone": "Africa"}, "timezone", "no time zone", "Africa/Kampala"),
    (one(quiet_hours=["22:00", "06:00"]), "timezone", "channels.one has quiet hours", "Africa/Kampala"),
    ({"approval_ttl": "3d"}, "approval_ttl", "text, expected a number", "hours such as 72"),
    ({"approval_ttl": 0}, "approval_ttl", "not between", "hours such as 72"),
    ({"approval_ttl": float("nan")}, "approval_ttl", "not finite", "hours such as 72"),
    ({"approvers": {}}, "approvers", "nobody", "list people"),
    ({"approvers": {"joseph": "short"}}, "approvers.joseph", "32 bytes", "base64"),
    ({"approvers": {"joseph": 1}}, "approvers.joseph", "expected text", "base64"),
    ({"approvers": {"joseph": "A" * 43 + "="}}, "approvers.joseph", "placeholder", "base64"),
    ({"approvers": {"joseph": {"key": KEY}}}, "approvers.joseph", "other keys", "base64"),
    ({"approvers": {"joseph": KEY, "JOSEPH ": OTHER}}, 'approvers."JOSEPH "', "another spelling", "once"),
    ({"approvers": {"joseph": KEY, "amina": {"public_key": KEY}}}, "approvers.amina", "key of another", "their own"),
    ({"approvers": {"joseph": KEY, "amina": RESPELT}}, "approvers.amina", "key of another", "own"),
    ({"approvers": {"jo\u200bseph": KEY}}, "approvers", "invisible", "rename"),
    ({"signing_key": "c2VjcmV0"}, "signing_key", "written into the configuration", "env ="),
    ({"channels": ["one"]}, "channels", "a list, expected a table", "[channels.NAME]"),
    ({"channels": {"one": "dummy"}}, "channels.one", "text, expected a table", "[channels.NAME]"),
    ({"channels": {"Big Bank": {"gateway": "sim", "base_url": "http://[::1]"}}}, 'channels."Big Bank"', "small", "re"),
]  # fmt: skip

CHANNEL = [
    (one(gateway=DROP), "gateway", "missing", "gateway plugins"),
    (one(gateway=DROP, gatewy="sim"), "gateway", "missing", "did you mean gatewy?"),
    (one(gateway=7), "gateway", "a whole number, expected text", "gateway plugins"),
    (one(gateway="simm"), "gateway", "not installed", "did you mean sim?"),
    (one(gateway="broken"), "gateway", "No module named 'a_library", "pip install what acme-plugins needs: a_library"),
    (one(gateway="raising"), "gateway", "RuntimeError: no licence)", "repair or update acme-plugins"),
    (one(gateway="exits"), "gateway", "SystemExit: 3", "repair or update"),
    (one(gateway="hookless"), "gateway", "lacks execute_payment", "plugin's author"),
    (one(gateway="newer"), "gateway", "contract 99, this is 1", "plugin's author"),
    (one(gateway="misnamed"), "gateway", "calls itself 'other'", "plugin's author"),
    (one(gateway="stranger"), "gateway", "no subclass", "plugin's author"),
    (one(gateway="clash"), "gateway", "timeout has the name of a channel's key", "plugin's author"),
    (one(gateway="odd"), "gateway", "setting when has a type", "plugin's author"),
    (one(gateway="loose"), "gateway", "no Capabilities", "plugin's author"),
    (one(base_url=DROP), "base_url", "missing", "https://"),
    (one(base_url="http://pay.example"), "base_url", "plain http", "https://"),
    (one(base_url="http://127.0.0.1.evil.example"), "base_url", "plain http", "https://"),
    (one(base_url="http://localhost.evil.example"), "base_url", "plain http", "https://"),
    (one(base_url="http://0.0.0.0"), "base_url", "plain http", "https://"),
    (one(base_url="http://2130706433"), "base_url", "plain http", "https://"),
    (one(base_url="https://me:pw@pay.example"), "base_url", "user or password", "references"),
    (one(base_url="http://127.0.0.1@evil.example"), "base_url", "user or password", "references"),
    (one(base_url="http://evil.example\\@127.0.0.1"), "base_url", "backslash", "%20"),
    (one(base_url="http://127.0.0.1:80\t"), "base_url", "control character", "remove it"),
    (one(base_url="https://päy.example"), "base_url", "beyond ASCII", "xn--"),
    (one(base_url="https://pay.example/v1?a=b"), "base_url", "query", "end it with the path"),
    (one(base_url="https://pay.example/v1?"), "base_url", "query", "end it with the path"),
    (one(base_url="https://pay.example/#x"), "base_url", "fragment", "end it with the path"),
    (one(base_url="https://pay.example/a/../b"), "base_url", "dot segment", "leads to"),
    (one(base_url="https://pay.example:99999"), "base_url", "port", "65535"),
    (one(base_url="https://[::1"), "base_url", "cannot be read", "65535"),
    (one(base_url="ftp://pay.example"), "base_url", "no web address", "https://"),
    (one(base_url="127.0.0.1:8765"), "base_url", "no web address", "https://"),
    (one(base_url={"env": "URL"}), "base_url", "reference to a secret, expected text", "the value itself"),
    (one(callback_url="http://pay.example/x?y=1"), "callback_url", "plain http", "https://"),
    (one(base_ulr="x"), "base_ulr", "not a setting", "did you mean base_url?"),
    (one(trust_clients=True), "trust_clients", "not a setting", "use one of"),
    (one(institution_account=12), "institution_account", "a whole number, expected text", "as text"),
    (one(retries="3"), "retries", "text, expected a whole number", "whole number"),
    (one(retries=True), "retries", "true or false, expected a whole number", "whole number"),
    (one(ratio="x"), "ratio", "text, expected a number", "number"),
    (one(strict=1), "strict", "a whole number, expected true or false", "true or false"),
    (one(codes="a"), "codes", "text, expected a list", "list of texts"),
    (one(pin="1234"), "pin", "written into the configuration", "env ="),
    (one(pin=1234), "pin", "a whole number, expected a reference", "env ="),
    (one(pin={"env": "A", "file": "b"}), "pin", "not a reference", "env ="),
    (one(pin={"value": "1234"}), "pin", "not a reference", "env ="),
    (one(pin={"env": ""}), "pin", "refers to nothing", "env ="),
    (one(pin={"env": "A B"}), "pin", "environment variable", "letters"),
    (one(max_concurrency=0), "max_concurrency", "not between 1 and 1024", "16"),
    (one(max_concurrency=2.5), "max_concurrency", "a decimal number, expected a whole", "16"),
    (sandbox(max_concurrency=2), "max_concurrency", "forbids parallel calls", "remove it"),
    (one(rate=-1), "rate", "not between", "payments per second"),
    (one(timeout=0), "timeout", "not between", "seconds"),
    (one(timeout=float("inf")), "timeout", "not finite", "seconds"),
    (one(body_limit=10), "body_limit", "not between", "bytes"),
    (quiet("22:00-06:00"), "quiet_hours", "text, expected a list", '["22:00", "06:00"]'),
    (quiet(["22:00", "24:00"]), "quiet_hours", "not two times", '["22:00", "06:00"]'),
    (quiet(["22:00"]), "quiet_hours", "not two times", '["22:00", "06:00"]'),
    (quiet(["22:00", "22:00"]), "quiet_hours", "same time", '["22:00", "06:00"]'),
    (one(max_amount=500_000), "max_amount", "expected text: an amount", "500000 UGX"),
    (one(max_amount="500000"), "max_amount", "unknown_currency", "500000 UGX"),
    (one(max_amount="5,000 UGX"), "max_amount", "separators", "500000 UGX"),
    (one(max_amount="1.5 UGX"), "max_amount", "too_precise", "500000 UGX"),
    (one(recheck_ttl="soon"), "recheck_ttl", "text, expected a number", "seconds"),
    (one(listen="8089"), "listen", "not HOST:PORT", "127.0.0.1:8089"),
    (one(listen="127.0.0.1:70000"), "listen", "not HOST:PORT", "127.0.0.1:8089"),
    (one(sandbox="yes"), "sandbox", "text, expected true or false", "true or false"),
    (one(ask_limit=0), "ask_limit", "not between", "whole number"),
    (one(patience="7d"), "patience", "text, expected a number", "seconds"),
    (sandbox(dedupes=True), "dedupes", "does not say", "remove it"),
    (live(settle=1), "settle", "less than the gateway", "at least 60"),
    (live(gateway="sim", token=DROP), "gateway", "only simulates", "a real gateway"),
    (live(sandbox=True), "sandbox", "where money is real", "remove it"),
    (sandbox(sandbox=False), "gateway", "moves real money", "sandbox = true"),
    (sandbox(token=DROP), "token", "missing", "env ="),
    (one(gateway="nowhere", base_url=DROP), "gateway", "moves real money", "sandbox = true"),
]  # fmt: skip

# Found when the channel is opened, or by check().
SECRETS = [
    (one(pin={"env": "NO_SUCH_VARIABLE"}), "pin", "NO_SUCH_VARIABLE, which is not set", "set NO_SUCH_VARIABLE"),
    (one(pin={"env": "EMPTY"}), "pin", "EMPTY, which is empty", "put the secret there"),
    (one(pin={"file": "missing.txt"}), "pin", "missing.txt: No such file", "readable by this user"),
    (one(pin={"file": "."}), "pin", "no file", "name the file"),
    (one(pin={"file": "empty.txt"}), "pin", "empty", "put the secret there"),
    (one(pin={"file": "binary"}), "pin", "not UTF-8", "as text"),
    (one(pin={"file": "huge"}), "pin", "more than 65536 bytes", "name the file"),
    (live(token={"file": "open.txt"}), "token", "every user of this machine can open", "chmod 600"),
]


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`: tables are merged where both have them, DROP removes a key."""
    made = copy.deepcopy(dict(base))
    for key, value in changes.items():
        if value == DROP:
            made.pop(key, None)
        elif key == "channels" and isinstance(value, dict) and isinstance(value.get("one"), dict):
            made[key] = {"one": changed(made[key]["one"], value["one"])}
        else:
            made[key] = value
    return made
