from pathlib import Path

import pytest

from ivr import secret
from ivr.secret import SecretUnfit


def test_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    made = secret.keep(tmp_path / "worker")
    assert len(made) >= 32
    assert (tmp_path / "worker").stat().st_mode & 0o777 == 0o600
    assert secret.keep(tmp_path / "worker") == made
    assert secret.keep(tmp_path / "ari") != made


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("holdfast", "well-known or short"),
        ("Password", "well-known or short"),
        ("tooshort", "well-known or short"),
        ("long enough but with blanks", "characters"),
        ("long;enough;comment", "characters"),
        ("longenough\nsecret=x", "characters"),
    ],
)
def test_unfit_passwords_are_refused_with_the_mend(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "ari"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SecretUnfit, match=complaint) as refused:
        secret.read(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_secret_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    secret.keep(tmp_path / "ari")
    (tmp_path / "ari").chmod(mode)
    with pytest.raises(SecretUnfit, match=f"chmod 600 {tmp_path}/ari"):
        secret.keep(tmp_path / "ari")
