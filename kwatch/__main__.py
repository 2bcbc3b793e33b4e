"""The command `kwatch`, also as `python -m kwatch`."""

from kwatch.cli.program import main

if __name__ == "__main__":
    main()
