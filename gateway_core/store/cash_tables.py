"""The tables of cash at payment points: who pays where, which list is how far, which proofs came. See tables.

What people change or decide is a fact in the one journal, as a fact of a payroll whose id is the row's.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from .columns import number, words
from .tables import metadata

# A payment point or a manager of points: `kind` is point or manager, `body` what was said of it last, as JSON.
places = Table(
    "cash_places",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("code", String(64), nullable=False),
    words("body"),
    number("facts"),
)
Index("cash_places_code", places.c.kind, places.c.code, unique=True)

# A pay list that was issued: a document of a cash channel. Its row begins with the first thing said of it.
lists = Table(
    "cash_lists",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    number("facts"),
    # open -> counted (one person) -> sealed (another one)
    Column("state", String(8), nullable=False, server_default="open"),
    # Why nothing more can be paid by it: devices, paper, or lost.
    words("how"),
    # In minor units: what the point was given for it, and what came back.
    number("handed_out"),
    number("returned"),
    words("counted_by"),
    words("sealed_by"),
    words("reason"),
)

# Which arrivals were read into `proofs`.
arrivals = Table(
    "cash_arrivals",
    metadata,
    Column("answer", String(36), primary_key=True),
    number("records"),
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
    number("number"),
    words("previous"),
    words("kind"),
    words("officer"),
    # Who gave it in; and the arrival whose archive was signed, last where several were: '' for none.
    words("by"),
    Column("signed", String(36), nullable=False, server_default=""),
    number("amount"),
    words("currency"),
    number("at"),
    number("received_at"),
    words("photo"),
    # The record as it came, and the flags that the checks raised, as JSON.
    words("body"),
    words("flags"),
    # '' -> accepted | rejected
    Column("decision", String(8), nullable=False, server_default=""),
    words("decided_by"),
    words("why"),
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
    words("kept"),
    # Why nothing was kept; '' where something was.
    words("refused"),
    # As the camera wrote them, where it did.
    Column("latitude", BigInteger),
    Column("longitude", BigInteger),
    Column("at", BigInteger),
    Column("local", BigInteger),
    # The fact of the book of proofs that says so.
    number("fact"),
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
    number("last"),
    words("head"),
    number("made_at"),
    number("at"),
    # The key that signed it; '' for none.
    words("signer"),
    # The fact of the book of proofs that says so.
    number("fact"),
)
Index("cash_parcels_of_answer", parcels.c.answer)
Index("cash_parcels_of_device", parcels.c.device, parcels.c.last)
