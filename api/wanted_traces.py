"""Whether judgments are traced, and with contents: by the setting, and by the variables of OpenTelemetry itself.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from api.settings import Settings

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def wants_traces(settings: Settings, environment: Mapping[str, str] | None = None) -> bool:
    """Whether judgments are traced: by the setting, or by OpenTelemetry's own variables."""
    given = os.environ if environment is None else environment
    if settings.traces == "off" or given.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if settings.traces == "on":
        return True
    if given.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    return any(given.get(name, "").strip() for name in _ENDPOINTS)


def wants_contents(environment: Mapping[str, str] | None = None) -> bool:
    """Whether traces may hold what was asked and answered: the opt-in of OpenTelemetry's GenAI instrumentations."""
    given = (os.environ if environment is None else environment).get(_CAPTURE, "")
    return given.strip().lower() in ("true", "span_only", "span_and_event")
