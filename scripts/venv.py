"""Make .venv if it is not there, and install a list of pins into it: wheels only, nothing is compiled.

    python3 scripts/venv.py requirements.txt

Runs before anything is installed, so it uses the standard library alone.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"


def make() -> None:
    """A fresh .venv. Debian keeps a part of the standard library's venv in a package of its own: get it if we may."""
    if not find_spec("ensurepip"):
        print("Python's venv is not complete: installing python3-venv", flush=True)
        apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            sys.exit("Cannot, without being root on Debian. This helps: sudo apt install python3-venv")
        if not (succeeds([*apt, "update"]) and succeeds([*apt, "install", "-y", "python3-venv"])):
            sys.exit("apt-get could not install python3-venv")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def works() -> bool:
    """Is there a .venv whose Python still starts? (It stops when the system's Python goes.)"""
    return PYTHON.exists() and succeeds([str(PYTHON), "-m", "pip", "--version"])


def succeeds(command: list) -> bool:
    """Run it quietly; what it complained of is shown when it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
    return done.returncode == 0


def main(pins: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - an older one may well try
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.13 …")
    if not works():
        make()
    print(f"Installing {pins}", flush=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--only-binary", ":all:"]
    sys.exit(subprocess.run([*pip, "-r", str(ROOT / pins)]).returncode)


if __name__ == "__main__":
    main(sys.argv[1])
