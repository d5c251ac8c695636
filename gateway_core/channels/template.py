"""The `gateway.toml` that `gateway init` writes: a test channel that works at once, and comments for the next steps."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .addresses import base_url as address
from .problems import Problems, quoted
from .settings import CHANNEL_NAME, TOP

_TEXT = """\
# Configuration of gateway-core. Every setting is explained in docs/configuration.md.

# The name of this installation. It is a part of every idempotency key: never change it once something was paid.
deployment = {deployment}
# "test" moves no real money and says TEST on everything. It is written into the store when that is created.
environment = "test"
# Where the journal lies, relative to this file; or "postgresql+psycopg://HOST/DATABASE".
store = {store}

# Needed for quiet hours:
# timezone = "Africa/Kampala"
# After so many hours an approval expires, and what is unsent waits for a new one:
# approval_ttl = 72
# Your own checks of payments (is she alive? suspended?), by installed name or import path:
# policies = ["my_mis.payments:civil_registry"]

# With this table, approvals and releases need a signature by these people (Ed25519 public keys in base64):
# [approvers]
# joseph = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

# A channel is one connection to a rail. This one pays play money: start its server with `gateway dummy-server`.
[channels.{channel}]
gateway = "dummy_server"
base_url = {base_url}
# Receive the gateway's callbacks instead of only asking:
# listen = "127.0.0.1:8089"
# Refuse larger single payments as mistakes:
# max_amount = "500000 UGX"

# A real one, later, with environment = "live" and a store of its own. Secrets are references, never values:
# [channels.mtn-uganda]
# gateway = "mobile_money"
# profile = "mtn"
# country = "UG"
# base_url = "https://proxy.momoapi.mtn.com"
# target_environment = "mtnuganda"
# client_id = "the API user"
# client_secret = {{ env = "MTN_API_KEY" }}
# subscription_key = {{ env = "MTN_SUBSCRIPTION_KEY" }}
# quiet_hours = ["22:00", "06:00"]
"""


def template(
    deployment: str,
    *,
    channel: str = "dummy",
    base_url: str = "http://127.0.0.1:8765",
    store: str = "sqlite:///payments.db",
) -> str:
    """The text of a first `gateway.toml`. Raises ConfigurationError for a name that the file could not carry."""
    problems = Problems()
    given: Mapping[str, str] = {"deployment": deployment, "store": store}
    for row in TOP:
        if row.key in given:
            problems.read(row.key, row.read, given[row.key], row.mend)
    at = f"channels.{quoted(channel)}"
    problems.read(at, CHANNEL_NAME, channel, 'write a name such as "dummy"')
    problems.read(f"{at}.base_url", address, base_url, "write an address such as http://127.0.0.1:8765")
    problems.refuse()
    # A JSON string is a TOML string too, as long as characters beyond ASCII stay as they are.
    given = {**given, "base_url": base_url}
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in given.items()}
    return _TEXT.format(channel=channel, **texts)
