"""Every setting in one table: how it is read, its default, and what people are told about it.

The reader of the configuration, the messages, `docs/configuration.md` and its test all go through these rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ..contract.channel import Pace, Wiring
from . import addresses, roles
from . import readers as r
from .secrets import reference
from .sheets import statement_mapping

_PACE = Pace()
REFERENCE = '{ env = "NAME" }'


@attrs.frozen
class Setting:
    """One key. `example` and `default` are TOML as a person writes it; `mend` completes a refusal."""

    key: str
    read: r.Reader
    meaning: str
    example: str
    mend: str
    default: str = ""
    required: bool = False


# fmt: off
TOP: tuple[Setting, ...] = (
    Setting("deployment", r.shaped("[a-z0-9][a-z0-9-]{1,62}", "a name of 2 to 63 small letters, digits and hyphens"),
            "The name of this installation. It is a part of every idempotency key and must equal the store's: never "
            "change it once something was paid.",
            '"example-grants"', 'write a name such as "example-grants"', required=True),
    Setting("environment", r.one_of("test", "live"),
            "`test` moves no real money and says TEST on everything; `live` does. It is written into the store when "
            "that is created.",
            '"test"', 'write "test" or "live"', required=True),
    Setting("store", lambda value: value if isinstance(value, Mapping) else addresses.plain_store_url(value),
            "Where the journal lies. A path of SQLite is relative to this file's folder; PostgreSQL is "
            "`postgresql+psycopg://HOST/DATABASE`. A whole address that holds a password is a reference to a secret.",
            '"sqlite:///payments.db"', 'write "sqlite:///payments.db" or "postgresql+psycopg://HOST/DATABASE"',
            required=True),
    Setting("policies", r.distinct,
            "Policies of the host that look at payments: names of installed ones (entry points in the group "
            "`gateway_core.policies`) or import paths `package.module:attribute`. Only what is named is imported.",
            '["civil_registry"]', 'write a list such as ["civil_registry"]', default="[]"),
    Setting("mark_dir", r.text,
            "The folder of the sender's mark, by which a restored backup or a copied database is recognised. Keep it "
            "off the store's backups; in containers it is a volume of its own.",
            '"/var/lib/gateway-core"', "write the path of a folder",
            default='"$XDG_STATE_HOME/gateway-core", else "~/.local/state/gateway-core"'),
    Setting("timezone", r.timezone,
            "The time zone in which quiet hours and holidays are meant, and schedules that name none. Required once "
            "there are quiet hours or holidays.",
            '"Africa/Kampala"', 'write a name such as "Africa/Kampala" (where zones are missing: pip install tzdata)',
            default="none"),
    Setting("holidays", r.days,
            "Days on which nothing new is sent over any channel, and for which no payroll can be scheduled; asking "
            "goes on. Needs `timezone`.",
            '["2026-12-25", "2027-01-01"]', 'write a list of dates such as ["2026-12-25"]', default="[]"),
    Setting("schedule_grace", r.hours,
            "A scheduled payroll that no run began within so many hours after its moment (the machine was down) is "
            "paused as missed, until a person resumes or schedules it anew. Without this setting it is paid late.",
            "2", "write a number of hours such as 2", default="none: it is paid late"),
    Setting("balance_ttl", r.hours,
            "Once set, no payroll is sent unless the balance of the institution account is known and at most so many "
            "hours old: from the rail, from a statement, or entered by two people. `check` says so before, and "
            "without it no payroll is approved either.",
            "48", "write a number of hours such as 48", default="none: a balance that is not known keeps nothing back"),
    Setting("approval_ttl", r.hours,
            "After so many hours an approval expires: what is unsent then waits until a checker approves the rest.",
            "72", "write a number of hours such as 72", default="none: an approval does not expire"),
    Setting("approvers", r.approvers,
            "People and their Ed25519 public keys (32 bytes in base64, as text or as `{ public_key = ... }`). Once "
            "this table exists, an approval, a release or the confirmation of a file without a valid signature of a "
            "listed person is refused, and nothing more is sent of a payroll that was approved without one. Names are "
            "compared without case and extra spaces.",
            '{ joseph = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" }',
            "write the 32 bytes of the person's Ed25519 public key in base64", default="none: the host vouches"),
    Setting("roles", roles.roles,
            "Who may do what: one table `[roles.NAME]` per role, with `people` and the actions that they `may` do (see "
            "[roles](approving.md#actions)). Once there are roles, whoever has none that lists an action is refused, "
            "and that is recorded.",
            '{ clerk = { people = ["amina"], may = ["propose"] }, head = { people = ["joseph"], may = ["approve"] } }',
            'write a table such as [roles.clerk] with people = ["amina"] and may = ["propose"]',
            default="none: the host decides who may do what"),
    Setting("approvals", roles.levels,
            "The approvals that a payroll needs, in order, each by another person: a list of tables with a `role`, and "
            "`above` where the level is only for payrolls above an amount.",
            '[{ role = "head" }, { role = "director", above = "10000000 UGX" }]',
            'write a list such as [{ role = "head" }]', default="[]: one approval, by anybody who may approve"),
    Setting("location", r.text,
            "The column of payroll files (or the key of an invoice's `extra`) that says where people live: reviews are "
            "summed by it.",
            '"district"', 'write the name of a column such as "district"', default='""'),
    Setting("signing_key", reference,
            "A reference to the Ed25519 private key (base64 or PEM) with which exported heads of the journal are "
            "signed.",
            '{ file = "/run/secrets/signing-key" }', f"write {REFERENCE}", default="none: heads are not signed"),
    Setting("disputes_block", r.flag,
            "Whether an open dispute about a payroll, or about a payment of it, keeps the payroll from being closed.",
            "false", "write true or false", default="true"),
    Setting("fonts", r.distinct,
            "Font files for exports as PDF, the first one first: a character is written in the first font that has it. "
            "Relative paths are this file's folder's. Where no font has a character, the export says so and names it.",
            '["/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"]', "write a list of paths of TTF or OTF files",
            default="the fonts that PDF readers bring, which have the letters of Western Europe"),
    Setting("channels", r.table,
            "One table `[channels.NAME]` per connection to a rail. NAME has small letters, digits, hyphens and "
            "underscores; people and files use it.",
            '\n[channels.dummy]\ngateway = "dummy_server"\nbase_url = "http://127.0.0.1:8765"',
            "write a table [channels.NAME] with a gateway", default="no channel"),
)

CHANNEL: tuple[Setting, ...] = (
    Setting("gateway", r.text,
            "The plugin that speaks the rail, by the name of its entry point in the group `gateway_core`. Only the "
            "gateways named here are imported; `gateway plugins` lists what is installed.",
            '"dummy_server"', "write the name of an installed gateway (see `gateway plugins`)", required=True),
    Setting("sandbox", r.flag,
            "Says that this is a provider's sandbox, which moves no real money: only then may a real gateway be used "
            "in the environment `test` on another machine.",
            "true", "write true or false", default="false"),
    Setting("max_concurrency", r.integer(1, 1024),
            "So many exchanges at once. A gateway that declares 1 belongs to a rail that forbids parallel calls.",
            "16", "write a whole number such as 16", default="the gateway's"),
    Setting("rate", r.number(0, 100_000),
            "At most so many payments per second; 0 is no limit.",
            "20", "write payments per second such as 20", default=f"{_PACE.rate:g}"),
    Setting("timeout", r.number(0.1, 3600),
            "Seconds for one exchange as a whole. A payment whose answer did not come is unknown, never failed.",
            "30", "write seconds such as 30", default=f"{_PACE.timeout:g}"),
    Setting("body_limit", r.integer(1024, 1 << 26),
            "Bytes of an answer or callback that are read at most.",
            "1048576", "write bytes such as 1048576", default=str(_PACE.body_limit)),
    Setting("quiet_hours", r.quiet_hours,
            "From the first time of day to the second nothing new is sent; asking goes on. Needs `timezone`.",
            '["22:00", "06:00"]', 'write two times such as ["22:00", "06:00"]', default="none"),
    Setting("max_amount", r.amount,
            "The largest single payment, with its currency; a larger one is a mistake of the payroll.",
            '"500000 UGX"', 'write an amount and its currency such as "500000 UGX"', default="no limit"),
    Setting("recheck_ttl", r.number(0, 86_400),
            "Seconds for which the answer of a policy's `before_sending` is good.",
            "300", "write seconds such as 300", default=f"{_PACE.recheck_ttl:g}"),
    Setting("statement", statement_mapping,
            "Which column of this provider's own statements is what, and which words in it mean what: see "
            "[reconciling](reconciling.md#a-providers-own-statement).",
            '{ columns = { reference = "Transaction ID", id = "External ID", amount = "Amount", status = "Status" }, '
            'paid = ["SUCCESSFUL"], refused = ["FAILED"] }',
            "write a table with columns and the words of its status", default="none: only lists are taken by file"),
    Setting("listen", addresses.listen,
            "HOST:PORT where `gateway run` receives this channel's callbacks. Without it, the core asks.",
            '"127.0.0.1:8089"', 'write HOST:PORT such as "127.0.0.1:8089"', default="none: asking only"),
    Setting("ca_file", r.text,
            "A PEM file with the authorities whose word counts for the rail's certificate, instead of the public ones.",
            '"tls/hub-ca.pem"', "write the path of a PEM file", default="none: the public authorities"),
    Setting("client_certificate", r.text,
            "A PEM file with the certificate by which the rail knows us (mutual TLS). A run asks the rail about it "
            "before anything is sent, and stops the channel when it has expired or is refused.",
            '"tls/client.pem"', "write the path of a PEM file", default="none"),
    Setting("client_key", r.text,
            "A PEM file with the key of `client_certificate`, without a password.",
            '"tls/client.key"', "write the path of a PEM file", default="the certificate's file holds it"),
    Setting("listen_certificate", r.text,
            "A PEM file with the certificate that callers at `listen` are shown; without it they call by plain http, "
            "as behind a proxy of one's own.",
            '"tls/server.pem"', "write the path of a PEM file", default="none: plain http"),
    Setting("listen_key", r.text,
            "A PEM file with the key of `listen_certificate`, without a password.",
            '"tls/server.key"', "write the path of a PEM file", default="the certificate's file holds it"),
    Setting("listen_ca", r.text,
            "A PEM file with the authorities of those who may call back: whoever shows no certificate of theirs is "
            "turned away (mutual TLS).",
            '"tls/hub-clients.pem"', "write the path of a PEM file", default="none: anybody may call"),
    Setting("transport", r.one_of("own", "stock"),
            '`"own"` is made for money: strict, and with proof of what was not sent. `"stock"` is httpx\'s, for what '
            "the other does not speak (a proxy).",
            '"stock"', 'write "own" or "stock"', default='"own"; "stock" with a proxy'),
    Setting("proxy", addresses.proxy,
            "An HTTP proxy through which the rail is reached. Nothing is taken from the environment.",
            '"http://proxy.internal:3128"', "write an address such as http://proxy.internal:3128", default="none"),
)

# What a channel may narrow of its gateway's capabilities.
NARROWED: tuple[Setting, ...] = (
    Setting("dedupes", r.flag,
            "`false` where this provider pays twice for a repeated key although its kind usually does not. It can "
            "never be switched on: that the rail dedupes is the gateway's to prove.",
            "false", "remove it, or write false", default="the gateway's"),
    Setting("settle", r.number(0, 30 * 86_400),
            "Seconds between the two \"not found\" that must be heard before the same bytes go again. On a live store "
            "it is at least the gateway's.",
            "120", "write seconds such as 120", default="the gateway's"),
    Setting("ask_after", r.number(0, 86_400),
            "Seconds of silence after which the first question is asked.",
            "5", "write seconds such as 5", default="the gateway's"),
    Setting("ask_at_most", r.number(0.01, 30 * 86_400),
            "Questions become rarer; so many seconds lie between two at most.",
            "600", "write seconds such as 600", default="the gateway's"),
    Setting("ask_limit", r.integer(1, 100_000),
            "So many questions about one payment; then people must look.",
            "60", "write a whole number such as 60", default="the gateway's"),
    Setting("patience", r.number(0.01, 366 * 86_400),
            "Seconds for which a payment may be pending; then people must look.",
            "604800", "write seconds such as 604800", default="the gateway's"),
)

# What every gateway has (contract.Settings).
COMMON: tuple[Setting, ...] = (
    Setting("base_url", addresses.base_url,
            "Where the rail is reached. https, except on this machine; no user, password, query or fragment. It is a "
            "part of what is approved.",
            '"https://api.example.org/v1"', "write an address such as https://api.example.org/v1", required=True),
    Setting("institution_account", r.text,
            "Where the money comes from, as the rail names it. It is a part of what is approved.",
            '"GRANTS-01"', "write the account as text", default='""'),
    Setting("profile", r.text,
            "A variant of the rail, as the gateway's page lists them. It is a part of what is approved.",
            '"mtn"', "write the profile's name", default='""'),
)
# fmt: on

CHANNEL_NAME = r.shaped("[a-z0-9][a-z0-9_-]{0,62}", "a name of small letters, digits, hyphens and underscores")
CAPABILITY_KEYS = frozenset({"max_concurrency", *(setting.key for setting in NARROWED)})
WIRING_KEYS = frozenset(attrs.fields_dict(Wiring))
PACE_KEYS = (frozenset(attrs.fields_dict(Pace)) & {setting.key for setting in CHANNEL}) - CAPABILITY_KEYS
