"""What a channel of mobile money is configured with. Each profile says which of these it needs."""

from __future__ import annotations

import attrs

from gateway_core.contract import Hidden, Settings


@attrs.frozen(kw_only=True)
class MobileMoneySettings(Settings):
    """`docs/mobile-money.md` explains each, per operator. Secrets are Hidden and leave only when something is sent.

    `security_credential` and `encrypted_pin` are not configured: they are made from others, when the channel opens.
    """

    country: str
    client_id: str = ""
    client_secret: Hidden | None = None
    token_url: str = ""
    api_key: Hidden | None = None
    subscription_key: Hidden | None = None
    target_environment: str = ""
    initiator: str = ""
    initiator_password: Hidden | None = None
    certificate: Hidden | None = None
    command: str = "BusinessPayment"
    pin: Hidden | None = None
    public_key: Hidden | None = None
    pin_padding: str = "pkcs1v15"
    api_version: str = ""
    date_header: str = "rfc3339"
    note: str = "Social protection payment"
    callback_url: str = ""
    callback_secret: Hidden | None = None
    dedupe_proven: bool = False
    not_found_codes: list[str] = attrs.field(factory=list)
    operator: str = ""
    check_numbers: bool = True
    cross_border: bool = False
    name_threshold: float = 0.75
    security_credential: Hidden | None = attrs.field(init=False, default=None)
    encrypted_pin: Hidden | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        from .encrypting import with_certificate, with_public_key

        if self.initiator_password and self.certificate:
            made = with_certificate(self.initiator_password.reveal(), self.certificate.reveal())
            object.__setattr__(self, "security_credential", Hidden(made))
        if self.pin and self.public_key:
            made = with_public_key(self.pin.reveal(), self.public_key.reveal(), self.pin_padding)
            object.__setattr__(self, "encrypted_pin", Hidden(made))
