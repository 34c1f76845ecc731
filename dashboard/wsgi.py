"""The web application as a WSGI callable. Import time matters here: no dlt, DuckDB or SQLAlchemy."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

application = get_wsgi_application()
