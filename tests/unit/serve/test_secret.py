from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr import preflight, secret
from ivr.cli import main
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


def test_a_password_of_somebody_else_may_be_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    file = tmp_path / "secrets" / "trunk-carrier"
    for password in ("x;1", "other"):
        done = CliRunner().invoke(main, ["trunk-password", "carrier"], input=f"{password}\n")
        assert (done.exit_code, done.output) == (0, f"kept in {file}\n")
        assert secret.given(file) == password
        assert file.stat().st_mode & 0o777 == 0o600
    assert preflight.secrets(file.parent) == []


@pytest.mark.parametrize("password", ["", "two words", "back\\slash", "pässword", "ta\tb"])
def test_a_password_that_cannot_be_carried_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    done = CliRunner().invoke(main, ["trunk-password", "carrier"], input=f"{password}\n")
    assert done.exit_code == 4
    assert not password or password not in done.output
    assert not (tmp_path / "secrets" / "trunk-carrier").exists()
    assert CliRunner().invoke(main, ["trunk-password", "../worker"], input="x\n").exit_code == 2
