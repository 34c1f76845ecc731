"""`python -m connectors.sandbox`: run the sandbox until TERM or INT."""

import argparse
import logging
import os
import signal
import sys
import threading

from connectors.sandbox.app import create_app
from connectors.sandbox.config import ConfigError, SandboxConfig
from connectors.sandbox.knobs import KnobError
from connectors.sandbox.server import SandboxServer

log = logging.getLogger("patchbay.sandbox")

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(arguments: list[str] | None = None) -> int:
    """Serve until a stop signal comes; return 0, or 1 where the server could not start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Held back until somebody waits for them: a stop that comes during the start is not lost, and the threads
    # of the server, which inherit the mask, leave the signals to this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        config = SandboxConfig.from_environment(os.environ)
        server = SandboxServer(options.host, options.port, create_app(config), access_log=options.access_log)
    except (ConfigError, KnobError) as error:
        return _refused(f"cannot start: {error}")
    except OSError as error:
        return _refused(f"cannot listen on {options.host} port {options.port}: {error.strerror}")
    _serve(server, config)
    return 0


def _refused(reason: str) -> int:
    # One clear line: a traceback would help nobody with a busy port or a mistyped setting.
    log.error("Sandbox Payroll %s", reason)
    return 1


def _serve(server: SandboxServer, config: SandboxConfig) -> None:
    thread = threading.Thread(target=server.serve_forever, name="accept", kwargs={"poll_interval": 0.1})
    thread.start()
    log.info(
        "Sandbox Payroll listening on http://%s:%d (seed %s, %d companies, admin %s)",
        server.server_name, server.server_port, config.seed, config.company_count,
        "on" if config.admin_key else "off",
    )  # fmt: skip
    signal.sigwait(_STOP_SIGNALS)
    server.shutdown()
    thread.join()
    server.server_close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox",
        description="A made-up payroll product to connect to. Configured by PATCHBAY_SANDBOX_SEED, _API_KEY, "
        "_ADMIN_KEY, _KNOBS (JSON, or the word demo), _COMPANIES, _TODAY and _REDIRECTS. Who can sign in is listed in "
        "connectors/sandbox/users.py.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on; 0 for any free one (default: 8090)")
    parser.add_argument("--access-log", action="store_true", help="log each request, without its query")
    return parser


if __name__ == "__main__":
    sys.exit(main())
