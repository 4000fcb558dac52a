"""Settings: refused with a sentence when wrong, and documented where users look."""

import pytest

from backend.cli.settings_table import settings_table
from backend.errors import SetupError
from backend.settings import ROOT, Settings, load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("cors_origins", '["http://localhost:3000/"]'),
        ("cors_origins", "not json"),
        ("rate_limit", "often"),
        ("log_level", "LOUD"),
        ("queue_url", "http://localhost:6379"),
        ("api_keys", '[""]'),
        ("trusted_networks", '["10.1.0.0/99"]'),
        ("password", "of nothing"),  # without keys nothing is closed
        ("secret", "short"),
        ("webhook_secret", "whsec_short"),
        ("webhook_secret", "whsec_" + 43 * "A"),  # no base64
        ("upload_timeout", "inf"),
        ("retention", "119"),  # less than an analysis may take
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"DEEPFAKE_{name.upper()}", value)
    with pytest.raises(SetupError, match=rf"(?i)configuration is wrong.*{name}"):
        load_settings(_env_file=None)


def test_what_is_wrong_is_named_as_it_was_written(monkeypatch, tmp_path):
    place = tmp_path / ".env"
    for name in ("DEEPFAKE_PRT", "FOO"):
        place.write_text(f"{name}=1\n")
        with pytest.raises(SetupError, match=f" {name} is no setting"):
            load_settings(_env_file=place)
    monkeypatch.setenv("DEEPFAKE_CORS_ORIGINS", "http://x")
    with pytest.raises(SetupError, match="DEEPFAKE_CORS_ORIGINS: expected a JSON list such as"):
        load_settings(_env_file=None)


def test_every_setting_is_in_the_table_and_the_example():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `DEEPFAKE_{name.upper()}` |" in settings_table()
        assert f"# DEEPFAKE_{name.upper()}=" in example
        assert field.description in example


def test_the_page_shows_the_table():
    assert settings_table() in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
