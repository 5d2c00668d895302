"""For those who watch over the service: whether it lives, whether it answers as it should, and its figures.

In: a request of a supervisor or of Prometheus. Out: JSON, or the text that Prometheus reads. Never kept by caches.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response

from ..engine.readiness import find_troubles, index_age_seconds
from ..errors import SearchAppError
from .metrics import TEXT_FORMAT
from .site import site

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer that the process is alive; says nothing about the index."""
    return _unstored(jsonify(status="ok"))


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer whether searches are answered as they should be: 200 with a few figures, or 503 with the reasons."""
    here = site()
    try:
        status = here.engine().status()
    except SearchAppError:
        status = {}
    reasons = find_troubles(here.engine, here.settings)
    figures = {"articles": status.get("articles"), "generation": status.get("generation")}
    if status:
        figures |= {"age_seconds": round(index_age_seconds(status)), "degraded": bool(status.get("problem"))}
    if reasons:
        response = make_response(jsonify(status="not ready", reasons=reasons, **figures), 503)
        response.headers["Retry-After"] = str(here.retry_seconds)
        return _unstored(response)
    return _unstored(jsonify(status="ok", **figures))


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer the figures of all processes."""
    here = site()
    return _unstored(Response(here.metrics.text(here.engine), content_type=TEXT_FORMAT))


def _unstored(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
