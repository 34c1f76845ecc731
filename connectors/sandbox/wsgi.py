"""The application for any WSGI server, configured by the environment: `connectors.sandbox.wsgi:application`."""

import os

from connectors.sandbox.app import create_app
from connectors.sandbox.config import SandboxConfig

application = create_app(SandboxConfig.from_environment(os.environ))
