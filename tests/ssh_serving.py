"""An SSH server on this machine that gives and takes files, to be a remote of DVC's."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import asyncssh


class Anyone(asyncssh.SSHServer):
    """Asks nobody for a key or a password."""

    def begin_auth(self, username: str) -> bool:
        return False


@contextmanager
def ssh_folder(folder: Path) -> Iterator[str]:
    """Serve this machine's files while the context lasts; give the address of `folder`."""
    loop = asyncio.new_event_loop()
    keys = [asyncssh.generate_private_key("ssh-ed25519")]
    server = loop.run_until_complete(
        asyncssh.listen("127.0.0.1", 0, server_factory=Anyone, server_host_keys=keys, sftp_factory=True)
    )
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"ssh://someone@127.0.0.1:{server.get_port()}{folder}"
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
