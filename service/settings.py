"""Every setting of the product: one frozen tree, read once at start.

Sources, strongest first: environment (`ATTUNE_REDIS_URL`, nested with `__`: `ATTUNE_TWILIO__AUTH_TOKEN`), the file
named by `ATTUNE_CONFIG` (default `attune.toml` in the working directory), the defaults below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Group(BaseModel):
    """Frozen group of settings; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LineSettings(Group):
    """Where the callers of a carrier go when the agent cannot take them."""

    human_fallback_number: str | None = Field(default=None, description="dialled when we cannot answer; else a queue")
    human_queue: str = "support"


class TwilioSettings(LineSettings):
    """The Twilio account whose webhooks and streams we accept."""

    account_sid: str = "AC00000000000000000000000000000000"
    auth_token: SecretStr | None = Field(default=None, description="None: a local one is made at first start")
    previous_auth_token: SecretStr | None = Field(default=None, description="still accepted while one is rotated")
    api_base_url: str = "https://api.twilio.com"


class AsteriskSettings(Group):
    """The exchanges and SIP trunks that may send us calls."""

    credentials: dict[str, SecretStr] = Field(default={}, description="passwords by name; none: nobody is let in")
    human_place: str = Field(default="support", description="where the dialplan sends callers whom the agent leaves")


class TelnyxSettings(LineSettings):
    """The Telnyx account whose calls we take; set up by its public key and an API key."""

    public_key: str | None = Field(default=None, description="checks webhooks; base64, as the portal shows it")
    previous_public_key: str | None = Field(default=None, description="still accepted while one is rotated")
    api_key: SecretStr | None = None
    api_base_url: str = "https://api.telnyx.com"


class PlivoSettings(LineSettings):
    """The Plivo account whose calls we take; set up by its id and token."""

    auth_id: str | None = None
    auth_token: SecretStr | None = None
    previous_auth_token: SecretStr | None = Field(default=None, description="still accepted while one is rotated")
    api_base_url: str = "https://api.plivo.com"


class VonageSettings(LineSettings):
    """The Vonage application whose calls we take; set up by its id, signature secret and private key."""

    application_id: str | None = None
    signature_secret: SecretStr | None = None
    previous_signature_secret: SecretStr | None = Field(default=None, description="still accepted while one is rotated")
    private_key_file: Path | None = Field(default=None, description="PEM, of the application")
    api_base_url: str = "https://api.nexmo.com"


class ExotelSettings(Group):
    """The Exotel account whose calls we take; set up by a name and a password that its flow's addresses carry."""

    webhook_user: str | None = None
    webhook_password: SecretStr | None = None
    previous_webhook_password: SecretStr | None = Field(default=None, description="still accepted while one is rotated")


class GenesysSettings(Group):
    """The Genesys organization whose AudioHook sockets we take; set up by the key and the secret of its integration."""

    api_key: SecretStr | None = None
    client_secret: SecretStr | None = Field(default=None, description="base64")
    previous_client_secret: SecretStr | None = Field(default=None, description="still accepted while one is rotated")


class WebRtcSettings(Group):
    """Web calls."""

    ice_servers: tuple[str, ...] = ()
    turn_secret: SecretStr | None = Field(
        default=None, description="shared with the TURN servers; callers get credentials that run out"
    )
    turn_ttl_s: int = Field(default=3600, description="how long such a credential opens new allocations")
    turn_username: str | None = Field(default=None, description="fixed, for TURN servers without a shared secret")
    turn_credential: SecretStr | None = None
    join_token_s: int = 60
    grace_s: float = Field(default=10.0, description="how long a call waits for a page whose network is gone")
    requests_per_minute: int = Field(default=60, description="joins and offers of one source address; more are refused")


class RecogniserSettings(Group):
    """Which engine recognises speech.

    `whisper` runs in this process through CTranslate2 (`model`: catalogue name or a directory), `transformers` on a GPU
    (`model`: hub id or path), `riva` on an NVIDIA Riva server (`server`).
    """

    engine: Literal["whisper", "transformers", "riva"] = "whisper"
    second: Literal["whisper", "none"] = Field(
        default="whisper", description="takes over while a `riva` server is away"
    )
    model: str = "whisper-base"
    threads: int = Field(default=2, description="threads of one recognition")
    at_once: int = Field(default=1, description="recognitions at once")
    server: str = "127.0.0.1:50051"
    device: str = "auto"


class EmotionSettings(Group):
    """Which engine reads emotion from the voice; `off` analyses nothing.

    `embedded` reads the recogniser's encoder states (`head`: a head of yours, trained on them), `transformers` runs a
    network in this process (`model`: hub id or path), `remote` asks a server (`attune serve --role emotion`). Where the
    last two are away, busy or late, the embedded model takes over.
    """

    engine: Literal["embedded", "transformers", "remote", "off"] = "embedded"
    model: str = "attune-emotion"
    device: str = "auto"
    head: Path | None = Field(default=None, description="trained head of an encoder; None: the shipped one")
    labels: dict[str, str] = Field(default={}, description="class of the model -> our label, or `none`")
    temperature: float = Field(default=1.0, gt=0, description="divides the model's logits")
    batch: int = Field(default=32, ge=1, description="utterances computed together")
    linger_s: float = Field(default=0.02, ge=0, le=0.02, description="how long an idle device lets a batch fill")
    waiting: int = Field(default=256, ge=1, description="utterances that may wait; more go to the embedded model")
    within_s: float = Field(default=0.2, gt=0, description="longest wait for the voice; then the embedded model reads")
    compiled: bool = Field(default=False, description="torch.compile with CUDA graphs in a few fixed shapes")
    server: str = "http://127.0.0.1:8100"
    token: SecretStr | None = Field(default=None, description="bearer token between call workers and server")
    cluster: str | None = Field(default=None, description="address of a Ray cluster; None: one of our own is started")
    replicas: int = Field(default=1, ge=1, description="replicas of the server at least")
    most_replicas: int = Field(default=1, ge=1, description="and at most, by load")


class WriterSettings(Group):
    """Which LLM words the replies.

    `embedded` runs a GGUF model (`model`: catalogue name or file path) in a supervised child process, `openai` is any
    OpenAI-compatible endpoint (`base_url`), `transformers` a causal LM by hub id or path, `off` leaves it to templates.
    """

    engine: Literal["embedded", "openai", "transformers", "off"] = "embedded"
    second: Literal["embedded", "none"] = Field(
        default="none", description="takes over while an `openai` endpoint is away; `none` leaves it to templates"
    )
    model: str = "smollm2-135m"
    base_url: str = "http://127.0.0.1:8080/v1"
    api_key: SecretStr = SecretStr("none")
    threads: int = Field(default=1, description="threads of the embedded LLM: the other core is left to the sound")
    context_tokens: int = 2048
    at_once: int = 2
    device: str = "auto"


class SpeakerSettings(Group):
    """Which engine speaks."""

    engine: Literal["hibari", "kokoro", "riva"] = "hibari"
    second: Literal["hibari", "none"] = Field(default="hibari", description="takes over while `riva` is away")
    voice: str = "heart"
    threads: int = 1
    at_once: int = 2
    server: str = "127.0.0.1:50051"


class ModelSettings(Group):
    """Where model files lie."""

    cache_dir: Path = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "attune" / "models"


class Settings(BaseSettings):
    """The settings tree."""

    model_config = SettingsConfigDict(
        env_prefix="ATTUNE_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    host: str = "127.0.0.1"
    port: int = 8000
    public_origin: str = Field(
        default="http://127.0.0.1:8000", description="how carriers and browsers reach us; in signatures"
    )
    data_dir: Path = Path("data")
    database_url: str | None = Field(
        default=None, description="None: SQLite in data_dir; else postgresql+asyncpg://..."
    )
    redis_url: str | None = Field(default=None, description="None: an embedded Valkey is started; else redis://...")
    outgoing_networks: tuple[str, ...] = Field(
        default=(), description="networks (CIDR) that webhooks may lead to although they are not public"
    )
    conversation_state_s: int = Field(default=86_400, description="how long conversation state is kept in Redis")
    max_calls: int = Field(default=20, description="calls at once in this process; more are sent to a human")
    longest_call_s: int = Field(default=7200, description="a call over a carrier is ended after so long")
    max_loop_lag_s: float = Field(default=0.25, description="event-loop lag from which new calls are sent to a human")
    drain_s: int = Field(default=1800, description="how long running calls may go on after the first signal to stop")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = False
    api_token: SecretStr | None = Field(default=None, description="bearer token of the API; None: made at first start")
    agent_file: Path | None = Field(default=None, description="agent to load at start; None: the example agent")
    default_number: str = Field(default="+15550100", description="number of the example agent")
    twilio: TwilioSettings = TwilioSettings()
    telnyx: TelnyxSettings = TelnyxSettings()
    plivo: PlivoSettings = PlivoSettings()
    vonage: VonageSettings = VonageSettings()
    exotel: ExotelSettings = ExotelSettings()
    genesys: GenesysSettings = GenesysSettings()
    asterisk: AsteriskSettings = AsteriskSettings()
    webrtc: WebRtcSettings = WebRtcSettings()
    recogniser: RecogniserSettings = RecogniserSettings()
    emotion: EmotionSettings = EmotionSettings()
    writer: WriterSettings = WriterSettings()
    speaker: SpeakerSettings = SpeakerSettings()
    models: ModelSettings = ModelSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults; arguments (tests) over all."""
        file = Path(os.environ.get("ATTUNE_CONFIG", "attune.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'attune.db'}"
