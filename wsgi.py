"""What every server imports. Patches for gevent first, then makes the app; `python wsgi.py` serves one machine."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

from reception import create_app, live, serve, ticking  # noqa: E402
from reception.config import ConfigError  # noqa: E402
from reception.startup import NotReady  # noqa: E402

try:
    app = create_app()
    serve.check(app)
except (ConfigError, NotReady) as refusal:
    sys.exit(f"Reception cannot start: {refusal}")

live.start(app)
ticking.start(app)

if __name__ == "__main__":
    serve.forever(app)
