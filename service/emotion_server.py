"""Emotion from the voice for many call workers: replicas of one network behind Ray Serve, scaled by load.

Sound comes in, features go out; neither is stored or logged. Ray is the `cluster` extra and imported late; its usage
statistics are switched off.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipelines.emotion.batching import Busy
from pipelines.emotion.remote_reader import JUDGE_PATH, VOICE_PATH
from pipelines.emotion.transformers_reader import TransformersVoiceReader
from pipelines.emotion.wire import LONGEST_REQUEST, answer, asked
from pipelines.ports import EngineFailed
from pipelines.speech.torch_device import choose_device
from service.settings import EmotionSettings, Settings

STORE_BYTES = 100 * 2**20
"""Ray's shared memory: requests are small and do not pass through it."""


def load_voice(chosen: EmotionSettings) -> TransformersVoiceReader:
    """The network that the settings name, on its device. Blocks.

    Raises:
        EngineFailed: see `TransformersVoiceReader.load`.
    """
    return TransformersVoiceReader.load(
        chosen.model,
        chosen.device,
        head=chosen.head,
        labels=chosen.labels,
        temperature=chosen.temperature,
        rows=chosen.batch,
        linger_s=chosen.linger_s,
        waiting=chosen.waiting,
        deadline_s=chosen.within_s,
        compiles=chosen.compiled,
    )


class EmotionDoor:
    """One replica: one network on one device, asked over HTTP."""

    def __init__(self, chosen: str, token: str = "") -> None:
        """Load the network.

        Args:
            chosen: the emotion settings as JSON.
            token: bearer token that callers must bring; empty for none.

        Raises:
            EngineFailed: it does not load or run.
        """
        self._token = token
        self._reader = load_voice(EmotionSettings.model_validate_json(chosen))
        self._reader.network.warm_up()

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.url.path == "/healthz":
            return JSONResponse({"status": "ok"})
        brought = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._token and not secrets.compare_digest(brought.encode(), self._token.encode()):
            return JSONResponse({"error": "unauthorized"}, 401)
        match request.method, request.url.path:
            case "GET", path if path == JUDGE_PATH:
                return Response(self._reader.judge.to_bytes(), media_type="application/octet-stream")
            case "POST", path if path == VOICE_PATH:
                return await self._read(request)
            case _:
                return JSONResponse({"error": "not found"}, 404)

    async def _read(self, request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST_REQUEST:
                return JSONResponse({"error": "too long"}, 413)
        try:
            pcm, rate_hz = asked(bytes(body))
        except EngineFailed as wrong:
            return JSONResponse({"error": str(wrong)}, 400)
        try:
            features = await self._reader.read_voice(pcm, rate_hz, None)
        except Busy as busy:
            return JSONResponse({"error": busy.why.value}, 503)
        except EngineFailed:
            return JSONResponse({"error": "failed"}, 502)
        return Response(answer(features), media_type="application/octet-stream")

    def close(self) -> None:
        """Drop waiting work."""
        self._reader.close()


def serve_emotion(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serve until the process is told to stop. Blocks.

    Args:
        settings: host, port and the emotion settings; the engine must be `transformers`.
        tell: told in a few words what is being done.

    Raises:
        EngineFailed: the engine is another one, Ray is not installed, or the network does not start.
    """
    chosen = settings.emotion
    if chosen.engine != "transformers":
        raise EngineFailed(f"the emotion server runs the engine 'transformers', not {chosen.engine!r}")
    on_gpu = choose_device(chosen.device).name.startswith("cuda")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    logging.getLogger("ray").setLevel(logging.WARNING)
    ray, serve = _cluster("ray"), _cluster("ray.serve")
    tell("starting Ray" if not chosen.cluster else f"joining Ray at {chosen.cluster}")
    _join(ray, chosen.cluster)
    try:
        quiet = {"log_level": "WARNING", "enable_access_log": False}
        serve.start(http_options={"host": settings.host, "port": settings.port}, logging_config=quiet)
        deployment = serve.deployment(EmotionDoor).options(
            name="emotion",
            ray_actor_options={"num_gpus": 1 if on_gpu else 0, "num_cpus": 1},
            max_ongoing_requests=chosen.waiting,
            max_queued_requests=chosen.waiting,
            autoscaling_config={
                "min_replicas": chosen.replicas,
                "max_replicas": max(chosen.replicas, chosen.most_replicas),
                "target_ongoing_requests": chosen.batch,
            },
        )
        tell(f"loading {chosen.model}")
        # Ray hands each replica a GPU of its own, which is the first that it sees
        told = chosen.model_copy(update={"device": "auto" if on_gpu else "cpu", "token": None})
        token = chosen.token.get_secret_value() if chosen.token else ""
        app = deployment.bind(told.model_dump_json(), token)
        try:
            serve.run(app, name="emotion", route_prefix="/", logging_config=quiet)
        except RuntimeError as broken:
            raise EngineFailed(f"emotion server: {broken}") from broken
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):  # Ray has set handlers of its own
            signal.signal(number, lambda _number, _frame: stop.set())
        tell(f"emotion is read on http://{settings.host}:{settings.port}")
        stop.wait()
        tell("stopping")
        serve.shutdown()
    finally:
        ray.shutdown()


def _join(ray: ModuleType, cluster: str | None) -> None:
    """Join a cluster, or start one on this machine that nobody else can reach."""
    if cluster:
        ray.init(address=cluster, log_to_driver=False)
        return
    ray.init(
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        object_store_memory=STORE_BYTES,
        _node_ip_address="127.0.0.1",
    )


def _cluster(module: str) -> ModuleType:
    """A module of the `cluster` extra.

    Raises:
        EngineFailed: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as missing:
        raise EngineFailed(f"{module} is not installed: pip install attune[cluster] ({missing})") from missing
