"""Every setting in one place: read from the environment and `.env`, checked, frozen."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, IPvAnyNetwork, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from backend.errors import SetupError

__version__ = "0.1.0"
CODE = Path(__file__).resolve().parent
_SHIPPED = CODE / "shipped"  # in a wheel; a checkout has all of it at its top
INSTALLED = _SHIPPED.is_dir()
ROOT = _SHIPPED if INSTALLED else CODE.parent  # the weights, pages and what they are made of
# A checkout keeps what it writes, an installed package may lie where nobody can write.
_KEPT = user_data_path("deepfake-detector") if INSTALLED else ROOT


class Settings(BaseSettings):
    """The configuration. Field descriptions are the table of docs/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix="DEEPFAKE_",
        env_file=".env",
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
    )

    host: str = Field("127.0.0.1", description="Address the server listens on; 0.0.0.0 for all.")
    port: int = Field(5000, ge=1, le=65535, description="Port the server listens on.")
    threads: int = Field(
        8, ge=2, le=128, description="Requests served beside the analyses that run or wait."
    )
    cors_origins: list[str] = Field(
        ["http://localhost:3000"], description="JSON list of origins allowed to call the API."
    )
    trusted_hosts: list[str] = Field(
        [], description="JSON list of host names answered to; empty: any."
    )
    api_keys: list[str] = Field(
        [],
        description="JSON list of accepted X-API-Key values, which people sign in with too; empty: "
        "no key is asked for.",
    )
    password: str = Field(
        "",
        description="Password that people sign in with, where keys are set; empty: a key alone.",
    )
    secret: str = Field(
        "",
        pattern="^(.{16,})?$",
        description="What sign-ins are signed with, 16 characters or more; empty: made at the "
        "first start and kept in the cache folder.",
    )
    metrics_key: str = Field(
        "",
        description="Key that opens /metrics alone, sent as Authorization: Bearer; empty: an API "
        "key opens it, and without keys it is open.",
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port on which a worker serves its metrics; 0: none."
    )
    rate_limit: str = Field(
        "",
        description="Limit for requests of a client that start analyses, such as "
        '"30 per minute", at each door (/predict, /api/v1/analyses, live, and each of other '
        "systems); empty: none.",
    )

    compat: bool = Field(
        True, description="Whether the addresses of other systems are answered: see docs/api.md."
    )
    links: bool = Field(
        False, description="Whether files are also fetched from links that are sent."
    )
    link_timeout: float = Field(
        60.0, gt=0, description="Seconds for fetching the file behind one link."
    )
    webhook_secret: str = Field(
        "",
        description='What webhooks are signed with: "whsec_" and what "openssl rand -base64 32" '
        "prints; empty: none are sent.",
    )
    trusted_networks: list[IPvAnyNetwork] = Field(
        [],
        description="JSON list of networks, such as 10.1.0.0/16, that links and webhooks may lead "
        "to beside public addresses.",
    )

    model: Path = Field(
        ROOT / "temp_model.h5", description="Trained weights; a .json of the same name beside it."
    )
    uploads: Path = Field(_KEPT / "uploads", description="Folder for incoming files, never served.")
    results: Path = Field(
        _KEPT / "static" / "results", description="Folder for annotated frames and reports."
    )
    cache: Path = Field(
        user_cache_path("deepfake-detector") if INSTALLED else ROOT / ".cache",
        description="Folder for what is made again when missing, such as the converted model.",
    )

    max_upload_mb: int = Field(
        100, ge=1, le=4096, description="Largest file, in MB of 1,000,000 bytes."
    )
    upload_timeout: float = Field(
        600.0, gt=0, description="Seconds a client may take to send one file."
    )
    max_pixels: int = Field(
        110_000_000,
        ge=10_000,
        description="Most pixels in one picture or video frame; a JPEG, which is reduced while it "
        "is decoded, may have twice as many.",
    )
    max_duration: float = Field(1800.0, gt=0, description="Longest clip or sound, in seconds.")
    min_free_mb: int = Field(
        500, ge=0, description="Uploads are refused below this free disk space."
    )
    moments: int = Field(32, ge=1, le=256, description="Moments of a clip that are looked at.")
    max_faces: int = Field(100, ge=1, le=400, description="Most faces judged in a picture.")
    max_faces_clip: int = Field(
        20, ge=1, le=200, description="Most faces judged in one frame of a clip or of a camera."
    )
    decode_timeout: float = Field(
        60.0, gt=0, description="Seconds of wall clock for decoding one file."
    )
    decode_memory_mb: int = Field(
        2048, ge=256, description="Memory limit of the decoder process, in MB."
    )
    analysis_timeout: float = Field(120.0, gt=0, description="Seconds for one whole analysis.")
    concurrency: int = Field(2, ge=1, le=64, description="Analyses that run at the same time.")
    queue: int = Field(
        8, ge=0, le=1000, description="Analyses that may wait; more are answered 503."
    )
    sockets: int = Field(
        32, ge=1, le=1000, description="Live connections at the same time; each holds a thread."
    )
    cameras: int = Field(2, ge=1, le=64, description="Live cameras judged at the same time.")
    queue_url: str = Field(
        "",
        pattern=r"^((rediss?|unix)://.+)?$",
        description="Redis that carries the queue, such as redis://localhost:6379/0; empty: a "
        "file below the uploads.",
    )
    serve_jobs: bool = Field(
        True, description="Whether the web process does queued jobs itself, not only workers."
    )
    worker_timeout: float = Field(
        10.0,
        ge=2,
        description="Seconds without a sign of life after which a worker's jobs are another's.",
    )

    retention: int = Field(
        3600, ge=60, le=86_400, description="Seconds until everything of an analysis is deleted."
    )
    sweep_interval: int = Field(
        60, ge=1, le=240, description="Seconds between two clean-up rounds."
    )
    engine: str = Field(
        "auto",
        pattern="^(auto|openvino|openvino-bf16|tensorflow)$",
        description="What runs the network: auto (OpenVINO, the fastest precision that is as "
        "accurate), openvino, tensorflow, or openvino-bf16, for models whose JSON lists bf16 among "
        "its precisions (that of temp_model.h5 does).",
    )
    profile: str = Field(
        "balanced",
        pattern="^(strict|balanced|sensitive)$",
        description="How readily a file is called Fake: strict (fewest real ones), balanced or "
        "sensitive (fewest fakes missed).",
    )
    ensemble: str = Field(
        "default",
        pattern="^[a-z0-9_]+( ?, ?[a-z0-9_]+)*$",
        description="Which members of the model are asked: default, all, or names with commas "
        "between, such as face,pixels.",
    )
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR."
    )
    log_format: str = Field(
        "console",
        pattern="^(console|json)$",
        description="console: log lines for people; json: for machines.",
    )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^/\s*?#@]+", origin):
                raise ValueError(f"expected origins such as http://localhost:3000, got {origin!r}")
        return origins

    @field_validator("api_keys")
    @classmethod
    def _are_keys(cls, keys: list[str]) -> list[str]:
        if not all(keys):  # as where a script sets a variable that is empty: no key would do
            raise ValueError("expected keys that are not empty")
        return keys

    @field_validator("password")
    @classmethod
    def _has_keys(cls, password: str, others: ValidationInfo) -> str:
        if password and not others.data.get("api_keys"):  # it would protect nothing
            raise ValueError("expected keys in DEEPFAKE_API_KEYS too")
        return password

    @field_validator("webhook_secret")
    @classmethod
    def _is_base64(cls, secret: str) -> str:
        try:
            long_enough = len(b64decode(secret.removeprefix("whsec_"), validate=True)) >= 24
        except ValueError:
            long_enough = False
        if secret and not (secret.startswith("whsec_") and long_enough):
            raise ValueError("expected whsec_ and 24 bytes or more in base64")
        return secret

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, rate: str) -> str:
        if rate and not re.fullmatch(r"\d+ per (second|minute|hour|day)", rate):
            raise ValueError(f"expected a rate such as '30 per minute', got {rate!r}")
        return rate

    @field_validator("retention")
    @classmethod
    def _outlives_an_analysis(cls, retention: int, others: ValidationInfo) -> int:
        longest = others.data.get("analysis_timeout", 0)
        if retention < longest:
            raise ValueError(
                f"expected at least DEEPFAKE_ANALYSIS_TIMEOUT, {longest:g} s, got {retention} s: "
                "an analysis would be deleted before its end"
            )
        return retention


def load_settings(**overrides) -> Settings:
    """Read and check the settings.

    Args:
        **overrides: fields that win over the environment.

    Raises:
        SetupError: one sentence naming each wrong setting as the user wrote it.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        wrong = "; ".join(_wrong(item) for item in error.errors(include_input=False))
        raise SetupError(f"The configuration is wrong. {wrong}.") from None
    except SettingsError as error:  # a list that is not JSON
        name = re.search('"([a-z_]+)"', str(error))[1].upper()
        raise SetupError(
            f"The configuration is wrong. DEEPFAKE_{name}: expected a JSON list such as "
            '["http://localhost:3000"].'
        ) from None


def _wrong(item: dict) -> str:
    name = ".".join(str(part) for part in item["loc"]).upper()
    if item["type"] == "extra_forbidden":  # a line of .env, named as it stands there
        return f"{name} is no setting"
    return f"DEEPFAKE_{name}: {item['msg']}"
