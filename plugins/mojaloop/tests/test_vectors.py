"""Vectors that another implementation made: ours is theirs, byte for byte, or differs as they say that it must."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from gateway_mojaloop import vectors

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "mojaloop" / "vectors"
PUBLIC, KEYS = FOLDER / "public", FOLDER / "keys"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the scheme's vectors are not beside this repository")


@pytest.mark.parametrize("kind", vectors.KINDS)
def test_every_vector_passes(kind: str) -> None:
    passed, failed = vectors.check(PUBLIC / f"{kind}.json", KEYS)
    assert failed == [] and passed >= 3


def test_the_command_names_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert vectors.main([str(PUBLIC), "--keys", str(KEYS)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(vectors.KINDS) and all(line.endswith(" passed, 0 failed") for line in said)


# What is changed in the first vector of a kind, so that it is wrong.
WRONG: dict[str, Any] = {
    "fulfilment": lambda vector: vector["expected"].update(sdk_valid=False),
    "ilp_v1": lambda vector: vector["expected"].update(condition="A" * 43),
    "ilp_v4": lambda vector: vector["expected"].update(ilpPacket="AAAA"),
    "jws_sign": lambda vector: vector["expected"].update(signature_base64url="AAAA"),
    "jws_verify": lambda vector: vector["expected"].update(strict_accepts=False),
    "lexical": lambda vector: vector.update(v2_0=not vector["v2_0"]),
    "transfer_vs_packet": lambda vector: vector["expected"].update(sdk_valid=False),
}


@pytest.mark.parametrize("kind", vectors.KINDS)
def test_a_wrong_vector_fails_the_command(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads((PUBLIC / f"{kind}.json").read_text())
    WRONG[kind](said["vectors"][0])
    (tmp_path / f"{kind}.json").write_text(json.dumps(said))
    assert vectors.main([str(tmp_path), "--keys", str(KEYS)]) == 1
    assert f"{len(said['vectors']) - 1} passed, 1 failed" in capsys.readouterr().out


def test_ours_counts_where_it_is_said(tmp_path: Path) -> None:
    said = json.loads((PUBLIC / "fulfilment.json").read_text())
    for vector in said["vectors"]:
        vector["expected"]["expected_ours"] = vector["expected"]["sdk_valid"]
        vector["expected"]["sdk_valid"] = not vector["expected"]["sdk_valid"]
    (tmp_path / "fulfilment.json").write_text(json.dumps(said))
    assert vectors.main([str(tmp_path), "--keys", str(KEYS)]) == 0


def test_what_cannot_be_judged_is_no_success(tmp_path: Path) -> None:
    assert vectors.main([str(tmp_path)]) == 1
    shutil.copy(PUBLIC / "lexical.json", tmp_path / "riddle.json")
    assert vectors.main([str(tmp_path)]) == 1
