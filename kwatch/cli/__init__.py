"""The command line: arguments in, exit code out. One file per command group.

Only click is imported with a module; everything else is imported inside the command that needs it, so that
`kwatch --help` answers at once.
"""
