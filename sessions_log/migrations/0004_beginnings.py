# What a session is found by at once: the beginning of a name, where it was left, its provider and code.

import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_log", "0003_tallies"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="session",
            index=models.Index(models.F("provider"), models.F("id"), name="session_by_provider"),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("error_code", ""), _negated=True),
                fields=["error_code", "id"],
                name="session_by_code",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("status__in", ["exited", "abandoned", "expired", "failed"])),
                fields=["furthest", "id"],
                include=("provider", "status", "error_code"),
                name="session_by_where_left",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                django.db.models.functions.comparison.Collate(
                    django.db.models.functions.text.Lower("end_user_name"), "C"
                ),
                models.OrderBy(models.F("id"), descending=True),
                name="session_by_end_user_name",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                django.db.models.functions.comparison.Collate(
                    django.db.models.functions.text.Lower("end_user_email"), "C"
                ),
                models.OrderBy(models.F("id"), descending=True),
                name="session_by_end_user_email",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                django.db.models.functions.comparison.Collate(django.db.models.functions.text.Lower("reference"), "C"),
                models.OrderBy(models.F("id"), descending=True),
                name="session_by_reference",
            ),
        ),
    ]
