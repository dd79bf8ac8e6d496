"""``python -m glassbox.serving PACKAGE``: serve a package; what the container runs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from glassbox.errors import GlassboxError
from glassbox.serving.server import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, serve, and say in one line what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m glassbox.serving", description="Serve a package over HTTP.")
    parser.add_argument("package", type=Path, help="a folder that the stage deploy wrote")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; by default seen by this machine alone")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input ends")
    given = parser.parse_args(arguments)
    try:
        serve(given.package, given.host, given.port, until_input_ends=given.until_input_ends)
    except GlassboxError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
