"""The application: ``create_app``, where templates and static files lie, and the headers that every answer carries.

In: configuration. Out: a Flask application. Nothing is configured when this module is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from flask import Flask, Response
from jinja2 import StrictUndefined

from ..engine.result import Engine
from ..errors import SettingsError
from ..settings import load_settings
from . import api, api_archive, articles, browser, exports, feeds, health, openapi, pages, periods, problems, values
from .hits import shared_language
from .limits import limit_exports, limit_requests, refuse_bodies
from .manners import add_headers, compress_answers, open_to_other_sites, stand_behind_proxies
from .metrics import Metrics
from .reader_language import speak_to_readers
from .rendering import QuickEnvironment
from .site import EXTENSION, Site, server_url
from .static_files import fingerprint, read_static, serve_static

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; script-src 'self'; "
        "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def create_app(config: Mapping[str, Any] | None = None, engine: Engine | None = None) -> Flask:
    """Return the web application.

    config : settings by their names in the settings table, over environment and defaults; names in capitals go to
        Flask. ``TODAY``, a function without arguments, replaces the clock; ``METRICS_FOLDER`` is where several
        processes share their counts (see ``metrics.share_counts``).
    engine : the engine to ask; None opens the index that the settings name when the first request needs it, so that the
        application starts without an index and answers 503 until there is one.
    Raises SettingsError for a setting that does not exist or cannot take its value.
    """
    config = dict(config or {})
    flask_config = {name: value for name, value in config.items() if name.isupper()}
    settings = load_settings(**{name: value for name, value in config.items() if not name.isupper()})
    folder = templates_folder()
    app = Application("search_app.web", static_folder=None, template_folder=str(folder))
    app.config.update(flask_config)
    app.jinja_environment = QuickEnvironment
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    today: Callable[[], date] = app.config.get("TODAY") or date.today
    static = read_static(PACKAGE_FOLDER / "web" / "static")
    serve_static(app, static)
    speak_to_readers(app)
    metrics = Metrics(settings, app.config.get("METRICS_FOLDER"))
    metrics.count_requests(app)
    refuse_bodies(app)
    limit_requests(app, settings)
    limit_exports(app, settings)
    shared = Site(settings, engine, today, fingerprint(static), metrics)
    app.extensions[EXTENSION] = shared
    app.jinja_env.globals["site_name"] = settings.text("site_name")
    app.jinja_env.globals["server_url"] = server_url
    app.jinja_env.filters["shared_language"] = shared_language
    for room in (pages, api, api_archive, exports, feeds, browser, openapi, articles, periods, values, health):
        app.register_blueprint(room.blueprint)
    problems.register_problems(app)
    compress_answers(app)
    app.after_request(_finish)
    app.after_request(open_to_other_sites)
    stand_behind_proxies(app, settings)
    return app


class Application(Flask):
    """A Flask application of plain functions alone."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is. Flask looks into each of a dozen at every request, whether it is asynchronous."""
        return func


def templates_folder() -> Path:
    """Return the folder of the templates: in the package where it was installed, else at the top of the checkout."""
    for folder in (PACKAGE_FOLDER / "templates", PACKAGE_FOLDER.parent / "templates"):
        if (folder / "base.html").is_file():
            return folder
    raise SettingsError(
        "templates",
        f"The page templates are neither in {PACKAGE_FOLDER} nor beside it: the installation is incomplete. "
        "Install the package again.",
    )


def _finish(response: Response) -> Response:
    """Add to an answer what every answer carries."""
    return add_headers(response, SECURITY_HEADERS)
