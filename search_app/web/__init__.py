"""The web room: addresses to requests, results to pages and JSON.

In: a web address. Out: HTML or JSON. What it hands out: ``app.create_app`` for servers, ``answers`` for whoever wants
the JSON forms without a web server. It imports Flask and the engine's seam, and holds no query logic.
"""
