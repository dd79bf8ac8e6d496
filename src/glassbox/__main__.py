"""Entry point of `python -m glassbox`, the same as the command `glassbox`."""

from glassbox.cli import main

if __name__ == "__main__":
    main()
