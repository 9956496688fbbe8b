"""Write requirements.txt and requirements-dev.txt from their ranges.

    make requirements [UPGRADE=1]

One set of pins for Python 3.11 and later on every system, wheels only, with no index written into the files.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = [
    sys.executable, "-m", "uv", "--quiet", "pip", "compile", "--universal", "--python-version", "3.11",
    "--only-binary", ":all:", "--no-header", "--no-emit-index-url", "--no-emit-find-links",
]  # fmt: skip

for name in ("requirements", "requirements-dev"):  # in this order: the second is held to the first
    subprocess.run([*COMPILE, *sys.argv[1:], f"{name}.in", "-o", f"{name}.txt"], cwd=ROOT, check=True)
