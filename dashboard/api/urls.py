"""The addresses of the API below its version, which `dashboard.views.api` loads with the first call."""

from __future__ import annotations

from django.urls import path

from dashboard.api import api

urlpatterns = [path("", api.urls)]
