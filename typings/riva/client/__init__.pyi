from riva.client.asr import ASRService as ASRService
from riva.client.auth import Auth as Auth
from riva.client.tts import SpeechSynthesisService as SpeechSynthesisService
