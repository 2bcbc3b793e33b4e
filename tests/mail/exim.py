"""A real mail server for tests: exim with TLS, AUTH and mailboxes, in a folder and processes of its own.

Only root may start it; it works as Debian's user for it.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import trustme

#: Debian keeps it where users do not look.
PROGRAM = shutil.which("exim4", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
_USER = "Debian-exim"
_SECONDS = 20.0
PASSWORD = "s3cret-of-kwatch"
MAILBOXES = ("ann", "bob", "later")

#: `nobody` is refused for good, `later` for now until the file `relents` exists, a mail with SPAM in it for what it is.
_CONFIGURATION = r"""
primary_hostname = mail.example.com
local_interfaces = 127.0.0.1
daemon_smtp_ports = {starttls} : {implicit} : {clear}
tls_on_connect_ports = {implicit}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{clear}}}{{}}{{*}}}}
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/exim.pid
message_size_limit = 150K
deliver_drop_privilege
never_users =
acl_smtp_rcpt = rcpt
acl_smtp_data = data
received_header_text = Received: from $sender_helo_name by $primary_hostname with $received_protocol for $received_for

begin acl
rcpt:
  deny local_parts = nobody
       message = 550 5.1.1 no such user
  defer local_parts = later
       condition = ${{if !exists{{{folder}/relents}}}}
       message = 451 4.7.1 greylisted
  deny !authenticated = *
       message = 530 5.7.0 authenticate first
  accept
data:
  deny condition = ${{if match{{$message_body}}{{SPAM}}}}
       message = 554 5.7.1 we do not like this
  accept

begin routers
local:
  driver = accept
  local_parts = dsearch;{folder}/mail
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/$local_part_data
  return_path_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{kwatch}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = "${{if eq{{$auth1}}{{user=kwatch\001auth=Bearer ${{readfile{{{folder}/token}}}}\001\001}}}}"
"""


def missing() -> str:
    """Say why this machine cannot run it; empty when it can."""
    if PROGRAM is None:
        return "no exim4 (on Debian: apt-get install exim4-daemon-light)"
    return "" if os.geteuid() == 0 else "exim4 needs root"


@dataclass(frozen=True, slots=True)
class Exim:
    """A running mail server: `starttls` and `implicit` are ports with TLS, on `clear` it is not offered."""

    folder: Path
    starttls: int
    implicit: int
    clear: int

    @property
    def ca(self) -> Path:
        """The authority of its certificate."""
        return self.folder / "ca.pem"

    def expect_token(self, token: str) -> None:
        """Take this access token from now on, and no other."""
        (self.folder / "token").write_text(token)

    def relent(self) -> None:
        """Take mail for `later` from now on."""
        (self.folder / "relents").touch()

    def forget(self) -> None:
        """Empty all mailboxes, and be as at the start."""
        (self.folder / "relents").unlink(missing_ok=True)
        for name in MAILBOXES:
            for found in (self.folder / "mail" / name).glob("new/*"):
                found.unlink()

    def mails(self, mailbox: str, number: int) -> Sequence[EmailMessage]:
        """Wait until so many mails are in a mailbox, and return them in the order of their arrival."""
        new = self.folder / "mail" / mailbox / "new"
        deadline = time.monotonic() + _SECONDS
        while len(found := list(new.glob("*"))) < number:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {number} mails came to {mailbox}: {self._log()}")
            time.sleep(0.02)  # a delivery is another process
        return [_parsed(path) for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]

    def _log(self) -> str:
        return "".join(path.read_text() for path in (self.folder / "log").glob("*"))


def _parsed(path: Path) -> EmailMessage:
    parsed = message_from_bytes(path.read_bytes(), EmailMessage, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


@contextmanager
def running() -> Iterator[Exim]:
    """Run a mail server until the end of the context."""
    with tempfile.TemporaryDirectory(prefix="kwatch-exim-") as name:
        folder = Path(name)
        ports = _free_ports(3)
        _prepare(folder, ports)
        process = subprocess.Popen([PROGRAM or "", "-C", str(folder / "exim.conf"), "-bdf"])
        try:
            for port in ports:
                _wait_for(port)
            yield Exim(folder, *ports)
        finally:
            process.terminate()
            process.wait(_SECONDS)


def _prepare(folder: Path, ports: Sequence[int]) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (folder / "token").write_text("nothing is right")
    for mailbox in MAILBOXES:
        (folder / "mail" / mailbox).mkdir(parents=True)
    (folder / "log").mkdir()
    names = dict(zip(("starttls", "implicit", "clear"), ports, strict=True))
    configuration = folder / "exim.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, password=PASSWORD, **names))
    user = pwd.getpwnam(_USER)
    for path in (folder, *folder.rglob("*")):
        if path != configuration:  # it must be root's, as exim begins as root
            os.chown(path, user.pw_uid, user.pw_gid)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # it is starting
        else:
            return
