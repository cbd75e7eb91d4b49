"""The page: a face over `Project`, in a browser on the same machine.

`make_app` and `serve` load FastAPI, so nothing here imports them for you: see `labelwise.app.serving`.
"""
