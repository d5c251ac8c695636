"""The tables of cash at payment points: who pays where, which list is how far, which proofs came. See tables.

What people change or decide is a fact in the one journal, as a fact of a payroll whose id is the row's.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from .tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=str(default))


# A payment point or a manager of points: `kind` is point or manager, `body` what was said of it last, as JSON.
places = Table(
    "cash_places",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("code", String(64), nullable=False),
    _text("body"),
    _int("facts"),
)
Index("cash_places_code", places.c.kind, places.c.code, unique=True)

# A pay list that was issued: a document of a cash channel. Its row begins with the first thing said of it.
lists = Table(
    "cash_lists",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    _int("facts"),
    # open -> counted (one person) -> sealed (another one)
    Column("state", String(8), nullable=False, server_default="open"),
    # Why nothing more can be paid by it: devices, paper, or lost.
    _text("how"),
    # In minor units: what the point was given for it, and what came back.
    _int("handed_out"),
    _int("returned"),
    _text("counted_by"),
    _text("sealed_by"),
    _text("reason"),
)

# Which arrivals were read into `proofs`.
arrivals = Table(
    "cash_arrivals",
    metadata,
    Column("answer", String(36), primary_key=True),
    _int("records"),
)

# A record of an officer's phone, by its hash. All but the decision is as it arrived, or follows from it.
proofs = Table(
    "cash_proofs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("answer", String(36), nullable=False),
    Column("document", String(36), nullable=False, server_default=""),
    Column("payment", String(36), nullable=False, server_default=""),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("device", String(128), nullable=False),
    _int("number"),
    _text("previous"),
    _text("kind"),
    _text("officer"),
    # Who gave it in; and the arrival whose archive was signed, last where several were: '' for none.
    _text("by"),
    Column("signed", String(36), nullable=False, server_default=""),
    _int("amount"),
    _text("currency"),
    _int("at"),
    _int("received_at"),
    _text("photo"),
    # The record as it came, and the flags that the checks raised, as JSON.
    _text("body"),
    _text("flags"),
    # '' -> accepted | rejected
    Column("decision", String(8), nullable=False, server_default=""),
    _text("decided_by"),
    _text("why"),
)
Index("cash_proofs_of_list", proofs.c.document, proofs.c.decision)
Index("cash_proofs_of_payment", proofs.c.payment)
Index("cash_proofs_of_device", proofs.c.device, proofs.c.number)
Index("cash_proofs_around", proofs.c.device, proofs.c.at)
Index("cash_proofs_photo", proofs.c.photo, sqlite_where=text("photo <> ''"), postgresql_where=text("photo <> ''"))

# A photograph by the digest of its bytes as the phone made them, and of what was kept of it outside the store.
photos = Table(
    "cash_photos",
    metadata,
    Column("original", String(64), primary_key=True),
    _text("kept"),
    # Why nothing was kept; '' where something was.
    _text("refused"),
    # As the camera wrote them, where it did.
    Column("latitude", BigInteger),
    Column("longitude", BigInteger),
    Column("at", BigInteger),
    Column("local", BigInteger),
    # The fact of the book of proofs that says so.
    _int("fact"),
)
Index("cash_photos_kept", photos.c.kept, sqlite_where=text("kept <> ''"), postgresql_where=text("kept <> ''"))

# An archive of a phone, and what the phone said of itself: how many records it has, the newest one's hash, and its
# clock when it packed, beside ours when it came. Its records are the arrival `answer`, which is kept after this.
parcels = Table(
    "cash_parcels",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("answer", String(36), nullable=False),
    Column("device", Text, nullable=False),
    _int("last"),
    _text("head"),
    _int("made_at"),
    _int("at"),
    # The key that signed it; '' for none.
    _text("signer"),
    # The fact of the book of proofs that says so.
    _int("fact"),
)
Index("cash_parcels_of_answer", parcels.c.answer)
Index("cash_parcels_of_device", parcels.c.device, parcels.c.last)
