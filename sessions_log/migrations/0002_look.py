"""The look of the hosted flow."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_log", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ConnectLook",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(default="Patchbay", max_length=80)),
                ("brand", models.CharField(default="#0f5c4d", max_length=7)),
                ("brand_dark", models.CharField(blank=True, default="#7ad0bb", max_length=7)),
                ("logo", models.BinaryField(blank=True, default=b"")),
                ("logo_type", models.CharField(blank=True, max_length=20)),
                ("logo_name", models.CharField(blank=True, max_length=100)),
                ("logo_bytes", models.PositiveIntegerField(default=0)),
                ("logo_digest", models.CharField(blank=True, max_length=16)),
                ("support_url", models.URLField(blank=True, max_length=500)),
                ("terms_url", models.URLField(blank=True, max_length=500)),
                ("terms_version", models.CharField(blank=True, max_length=100)),
                ("privacy_url", models.URLField(blank=True, max_length=500)),
                ("link_hours", models.PositiveIntegerField(default=24)),
                ("return_addresses", models.TextField(blank=True)),
                ("return_url", models.URLField(blank=True, max_length=500)),
                ("changed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "changed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="look_is_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("brand__regex", "^#[0-9a-f]{6}$"),
                            models.Q(("brand_dark", ""), ("brand_dark__regex", "^#[0-9a-f]{6}$"), _connector="OR"),
                        ),
                        name="look_colours_are_colours",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("support_url", ""), ("support_url__regex", "^https?://"), _connector="OR"),
                            models.Q(("terms_url", ""), ("terms_url__regex", "^https?://"), _connector="OR"),
                            models.Q(("privacy_url", ""), ("privacy_url__regex", "^https?://"), _connector="OR"),
                            models.Q(("return_url", ""), ("return_url__regex", "^https?://"), _connector="OR"),
                        ),
                        name="look_links_on_the_web",
                    ),
                ],
            },
        ),
    ]
