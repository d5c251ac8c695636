"""Between the office and the phone: signed lists out, archives of records in; drafts that nobody pays by."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from gateway_core.cash.phone import Device, ParcelRefused, open_records, read_list, write_records
from gateway_core.cash.phone.signed import base64_key
from gateway_core.cash.record import PhotoRef, as_json
from gateway_core.cash.stations import Device as Known
from gateway_core.model.errors import WrongState
from gateway_core.model.identity import canonical
from gateway_core.model.payment import Objection
from gateway_core.store import parcels
from gateway_core.store.clock import now_us

if TYPE_CHECKING:
    from .conftest import Till


def picture(shade: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (32, 24), (60 * shade, 40, 90)).save(made, "JPEG")
    return made.getvalue()


def packed(
    till: Till, path: Path, phone: Device, key: Any = None, lines: int = 2, picture: Callable[[int], bytes] = picture,
    **changes: str,
) -> Path:  # fmt: skip
    """A phone reads its list as it was written for it, pays, and packs what it recorded."""
    path.parent.mkdir(exist_ok=True)
    till.paymaster.export_list(till.paper()["id"], path.with_name("list.zip"))
    pay_list, _ = read_list(path.with_name("list.zip"))
    photos = {hashlib.sha256(data).hexdigest(): data for data in map(picture, range(lines))}
    records = [
        phone.paid(pay_list, line, at=now_us(), officer="grace", photo=PhotoRef(sha256=sha256, format="jpeg"))
        for line, sha256 in zip(pay_list.lines, photos, strict=False)
    ]
    said = {"deployment": till.paymaster.configuration.deployment, **changes}
    write_records(path, said["deployment"], phone, records, photos, now_us(), key)
    return path


def test_an_archive_comes_in_with_its_photographs_and_needs_no_overruling(till: Till, tmp_path: Path) -> None:
    till.issued(2)
    parcel = packed(till, tmp_path / "phone.zip", Device("phone-7"))
    for _ in range(2):
        done = till.paymaster.submit_proofs(parcel, by="amina")
        assert not done.refused
    assert till.paymaster.accept_proofs(till.paper()["id"], by="joseph").decided == 2
    assert set(till.states().values()) == {"paid"}
    with pytest.raises(WrongState, match="it has 2 records"):
        till.counted(till.paper()["id"], 100_000, 0, devices={"phone-7": 1})
    till.counted(till.paper()["id"], 100_000, 0, devices={"phone-7": 2})
    till.paymaster.seal_list(till.paper()["id"], by="joseph")
    till.whole()


def test_a_phone_whose_key_is_known_signs_what_it_sends(till: Till, tmp_path: Path) -> None:
    till.issued(2)
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    till.paymaster.set_device(Known(code="phone-7", officer="grace", key=base64_key(key.public_key())), by="amina")
    for signer in (None, other):
        with pytest.raises(WrongState, match="not signed"):
            till.paymaster.submit_proofs(packed(till, tmp_path / "a.zip", Device("phone-7"), signer), by="amina")
    assert not till.paymaster.proofs(till.paper()["id"])
    till.paymaster.submit_proofs(packed(till, tmp_path / "b.zip", Device("phone-7"), key), by="amina")
    assert len(till.paymaster.proofs(till.paper()["id"])) == 2


def test_what_is_none_of_ours_is_refused_and_changes_nothing(till: Till, tmp_path: Path) -> None:
    till.issued(2)
    with pytest.raises(WrongState, match="deployment"):
        till.paymaster.submit_proofs(packed(till, tmp_path / "a.zip", Device("p"), deployment="other"), by="amina")
    broken = packed(till, tmp_path / "b.zip", Device("p"))
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises((ParcelRefused, WrongState)):
        till.paymaster.submit_proofs(broken, by="amina")
    assert set(till.states().values()) == {"pending"}
    assert not till.paymaster.proofs(till.paper()["id"])


def test_an_archive_that_is_refused_leaves_its_trace_and_stops_no_other(till: Till, tmp_path: Path) -> None:
    till.issued(2)
    bad = packed(till, tmp_path / "phones" / "a.zip", Device("p"), deployment="other")
    worse = tmp_path / "phones" / "b.zip"
    with zipfile.ZipFile(worse, "w") as made:
        made.writestr("manifest.json", "{}")
    packed(till, tmp_path / "phones" / "c.zip", Device("phone-7"))
    (tmp_path / "phones" / "list.zip").unlink()
    for _ in range(2):
        with pytest.raises(WrongState, match=r"a\.zip is of the deployment"):
            till.paymaster.submit_proofs(tmp_path / "phones", by="amina")
    assert len(till.paymaster.proofs(till.paper()["id"])) == 2
    noted = till.paymaster.events("refused-proofs")
    assert [(one.kind, one.source, one.details["name"]) for one in noted] == [
        ("refused", "amina", "a.zip"), ("refused", "amina", "b.zip"),
    ]  # fmt: skip
    for one, file in zip(noted, (bad, worse), strict=True):
        data = file.read_bytes()
        assert (one.details["size"], one.details["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert "deployment" in noted[0].details["reason"]
    with pytest.raises(ParcelRefused, match=r"b\.zip"):
        till.paymaster.submit_proofs(worse, by="amina")
    till.whole()


def test_the_same_archive_later_changes_no_flag(till: Till, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    till.issued(2)
    parcel = packed(till, tmp_path / "phone.zip", Device("phone-7"))

    def flags() -> list[tuple[str, ...]]:
        return [proof.flags for proof in till.paymaster.proofs(till.paper()["id"])]

    for hours in (-1, 0, 3):
        monkeypatch.setattr(parcels, "now_us", lambda hours=hours: now_us() + hours * 3600 * 1_000_000)
        till.paymaster.submit_proofs(parcel, by="amina")
        assert [[flag.partition(":")[0] for flag in one] for one in flags()] == [["clock"], ["clock"]]
    till.whole()


def test_a_draft_is_a_draft_and_issues_nothing(till: Till, tmp_path: Path) -> None:
    payroll = till.shop.proposed(till.invoices(3))
    assert till.paymaster.preview_lists(payroll, tmp_path / "drafts", kind="zip") == 1
    (file,) = (tmp_path / "drafts").iterdir()
    draft, _ = read_list(file)
    assert (draft.status, len(draft.lines), draft.point_name) == ("DRAFT", 3, "Gulu market")
    assert not till.papers()
    assert not till.paymaster.lists()
    till.paymaster.approve(payroll, by="joseph")
    till.run(payroll)
    for suffix in ("zip", "pdf", "xlsx", "csv"):
        till.paymaster.export_list(till.paper()["id"], tmp_path / f"list.{suffix}")
    assert (tmp_path / "list.pdf").read_bytes().startswith(b"%PDF")
    assert b"DRAFT" not in (tmp_path / "list.csv").read_bytes()
    issued, _ = read_list(tmp_path / "list.zip")
    assert (issued.status, issued.manager, issued.payroll_name) == ("ISSUED", "Grace Akello", "payroll")


@pytest.mark.sqlite("photographs lie beside the file, and are copied with it")
def test_a_backup_has_the_photographs(till: Till, tmp_path: Path) -> None:
    till.issued(2)
    till.paymaster.submit_proofs(packed(till, tmp_path / "phone.zip", Device("phone-7")), by="amina")
    target = till.shop.backup()
    kept = [file.name for file in till.shop.store.with_name("store.db.photos").rglob("*.jpg")]
    assert len(kept) == 2
    assert sorted(file.name for file in target.with_name("backup.db.photos").rglob("*.jpg")) == sorted(kept)


def test_records_that_come_without_the_signature_are_flagged_until_it_comes(till: Till, tmp_path: Path) -> None:
    till.issued(2)
    key, phone = Ed25519PrivateKey.generate(), Device("phone-7")
    till.paymaster.set_device(Known(code="phone-7", key=base64_key(key.public_key())), by="amina")
    parcel = packed(till, tmp_path / "a.zip", phone, key)
    with open_records(parcel) as opened:
        bare = b"".join(canonical(as_json(record)) + b"\n" for record in opened.records())
    till.paymaster.submit_proofs(bare, by="amina")
    paper = till.paper()["id"]
    assert all(any(flag.startswith("unsigned") for flag in proof.flags) for proof in till.paymaster.proofs(paper))
    till.paymaster.submit_proofs(parcel, by="amina")
    assert till.paymaster.accept_proofs(paper, by="joseph").decided == 2
    assert {event.kind for event in till.paymaster.events(paper)} == {"accepted"}


def test_the_same_photograph_is_seen_whatever_lies_beside_the_picture(till: Till, tmp_path: Path) -> None:
    till.issued(2)

    def commented(n: int) -> bytes:
        comment = f"record {n}".encode()
        return picture(0).replace(b"\xff\xd8", b"\xff\xd8\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment, 1)

    till.paymaster.submit_proofs(packed(till, tmp_path / "a.zip", Device("phone-7"), picture=commented), by="amina")
    flags = [proof.flags for proof in till.paymaster.proofs(till.paper()["id"])]
    assert [one[0].partition(":")[0] for one in flags] == ["same_photo"] * 2
    assert till.paymaster.accept_proofs(till.paper()["id"], by="joseph").decided == 0


def test_a_policy_of_the_hosts_that_speaks_against_her_is_a_flag(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till.issued(2)
    till.phone.pay(till.paper(), 1)
    till.submit(till.phone.sends())
    said = [(view.id, Objection("dead", "died in May")) for view in till.paymaster.payments()]
    monkeypatch.setattr("gateway_core.contract.policies.Policies.check_payments", lambda *given: said)
    (proof,) = till.paymaster.proofs(till.paper()["id"])
    assert proof.flags == ("beneficiary: the beneficiary is flagged: dead",)
    assert till.paymaster.accept_proofs(till.paper()["id"], by="joseph").flagged == 1


def test_a_name_that_is_nobodys_stops_no_checker(till: Till) -> None:
    till.issued(1)
    odd = till.phone.pay(till.paper(), 1, officer="\u3164")
    till.submit(till.phone.sends())
    till.paymaster.accept_proofs(till.paper()["id"], by="joseph", only=[odd.hash], reason="the name is mistyped")
    assert set(till.states().values()) == {"paid"}
