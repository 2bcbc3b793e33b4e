"""TLS towards destinations: whom to trust, and who we are to those who ask (mTLS)."""

import ssl
from pathlib import Path


def client_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context that verifies the other side; raise OSError (an ssl.SSLError too) for files that are of no use.

    `ca` None: the system's authorities. `cert` and `key` go together; a key that is encrypted is of no use.
    """
    context = ssl.create_default_context(cafile=ca)
    if cert is not None:
        load_identity(context, cert, key)
    return context


def load_identity(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    """Let the context's next connections show this certificate."""
    context.load_cert_chain(cert, key, password=lambda: "")  # without it OpenSSL asks on the terminal
