"""What a channel of Mojaloop is configured with. `docs/mojaloop.md` has the table, and other systems' names."""

from __future__ import annotations

import attrs

from gateway_core.contract import Hidden, Settings


@attrs.frozen(kw_only=True)
class MojaloopSettings(Settings):
    """`institution_account` is the payer's party identifier, `profile` the version of FSPIOP: 1.0, 1.1 (usual) or 2.0.

    Times are in seconds. Fee ceilings are per payment: a quote that asks for more is refused.
    """

    fsp_id: str
    hub_id: str = "Hub"
    versions: list[str] = attrs.field(factory=list)
    # Who pays, and what for.
    payer_name: str = ""
    payer_id_type: str = "BUSINESS"
    initiator_type: str = "BUSINESS"
    scenario: str = "TRANSFER"
    sub_scenario: str = ""
    amount_type: str = "RECEIVE"
    note: str = "Social protection payment"
    max_fee: str = "0"
    max_fee_percent: float = 0.0
    name_threshold: float = 0.0
    check_accounts: bool = True
    on_us: bool = False
    external_fsps: list[str] = attrs.field(factory=list)
    opaque_packets: bool = False
    # Times.
    quote_window: float = 120.0
    transfer_window: float = 60.0
    send_margin: float = 10.0
    quote_margin: float = 5.0
    grace: float = 120.0
    clock_limit: float = 5.0
    callback_patience: float = 5.0
    # Signatures.
    jws_key: Hidden | None = None
    keys_dir: str = ""
    algorithms: list[str] = attrs.field(factory=lambda: ["RS256", "RS384", "RS512", "ES256"])
    unsigned_sources: list[str] = attrs.field(factory=list)
    unsigned_parties: bool = False
    # The hub's gateway.
    token_url: str = ""
    client_id: str = ""
    client_secret: Hidden | None = None
    bearer_token: Hidden | None = None
    token_refresh: float = 0.0
    # The scheme's books.
    position_path: str = ""
    limit_path: str = ""
    balance_currency: str = ""
