from django.db import migrations, models

# What was written before is counted once: one pass over the lines that are kept.
COUNT_WHAT_IS_THERE = """
UPDATE jobs_attempt SET line_counts = whole.counts FROM (
    SELECT job_id, attempt, jsonb_object_agg(step, levels) AS counts FROM (
        SELECT job_id, attempt, step, jsonb_object_agg(level, jsonb_build_array(lines, first, last)) AS levels FROM (
            SELECT job_id, attempt, step, level, count(*) AS lines, min(number) AS first, max(number) AS last
            FROM jobs_logline GROUP BY job_id, attempt, step, level
        ) AS by_level GROUP BY job_id, attempt, step
    ) AS by_step GROUP BY job_id, attempt
) AS whole WHERE jobs_attempt.job_id = whole.job_id AND jobs_attempt.number = whole.attempt
"""


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0003_bulk_actions"),
    ]

    operations = [
        migrations.AddField("attempt", "line_counts", models.JSONField(blank=True, default=dict)),
        migrations.RunSQL(COUNT_WHAT_IS_THERE, migrations.RunSQL.noop),
    ]
