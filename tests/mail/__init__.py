"""Mails through a real mail server (Debian's exim4), read back from the mailboxes."""
