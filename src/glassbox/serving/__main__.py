"""Command line of the service, which the container runs: ``python -m glassbox.serving PACKAGE``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from glassbox.errors import GlassboxError
from glassbox.serving.server import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments and serve; print an error in one line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m glassbox.serving", description="Serve a package over HTTP.")
    parser.add_argument("package", type=Path, help="package folder, written by the stage deploy")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, reachable from this machine only)"
    )
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s); 0 selects a free port")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)
    try:
        serve(options.package, options.host, options.port, until_input_ends=options.until_input_ends)
    except GlassboxError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
