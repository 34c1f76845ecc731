# Names of connections, entities and destinations, to be found by: a narrow table that triggers keep.

from django.db import migrations, models

# All threes of letters of a text, and its kind. Only what every PostgreSQL has.
TRIGRAMS = """
CREATE FUNCTION connectors_trigrams(kind text, words text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT substr(words, place, 3)) || kind
    FROM generate_series(1, greatest(length(words) - 2, 0)) AS place
$$
"""
# What says the same as before is not written again.
KEEP = """
CREATE FUNCTION connectors_keep_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM connectors_name WHERE record_id = OLD.id;
        RETURN NULL;
    END IF;
    INSERT INTO connectors_name (record_id, field, kind, text)
    VALUES (NEW.id, 'name', TG_ARGV[0], lower(NEW.name))
    ON CONFLICT (record_id, field) DO UPDATE SET text = excluded.text WHERE connectors_name.text <> excluded.text;
    IF TG_ARGV[0] = 'entity' THEN
        INSERT INTO connectors_name (record_id, field, kind, text)
        VALUES (NEW.id, 'ref', TG_ARGV[0], lower(NEW.ref))
        ON CONFLICT (record_id, field) DO UPDATE SET text = excluded.text WHERE connectors_name.text <> excluded.text;
    END IF;
    RETURN NULL;
END $$
"""
COLUMNS = {"connection": "name", "entity": "name, ref", "destination": "name"}


def trigger(kind, columns):
    return migrations.RunSQL(
        f"CREATE TRIGGER keep_names AFTER INSERT OR DELETE OR UPDATE OF {columns} ON connectors_{kind} "
        f"FOR EACH ROW EXECUTE FUNCTION connectors_keep_names('{kind}')",
        f"DROP TRIGGER keep_names ON connectors_{kind}",
    )


def take_up(kind, column):
    return migrations.RunSQL(
        "INSERT INTO connectors_name (record_id, field, kind, text) "  # noqa: S608 - both are words of ours
        f"SELECT id, '{column}', '{kind}', lower({column}) FROM connectors_{kind}",
        migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0004_destination_checks"),
    ]

    operations = [
        migrations.CreateModel(
            name="Name",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "record_id", "field", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("record_id", models.UUIDField()),
                ("field", models.CharField(choices=[("name", "Name"), ("ref", "Ref")], max_length=8)),
                (
                    "kind",
                    models.CharField(
                        choices=[("connection", "Connection"), ("entity", "Entity"), ("destination", "Destination")],
                        max_length=12,
                    ),
                ),
                ("text", models.TextField(db_collation="C")),
            ],
            options={
                "indexes": [
                    models.Index(models.F("kind"), models.F("text"), models.F("record_id"), name="name_by_text")
                ],
            },
        ),
        migrations.RunSQL(TRIGRAMS, "DROP FUNCTION connectors_trigrams"),
        migrations.RunSQL(KEEP, "DROP FUNCTION connectors_keep_names"),
        *(take_up(kind, column) for kind, columns in COLUMNS.items() for column in columns.split(", ")),
        migrations.RunSQL(
            # No list of what is pending: a search would have to read it.
            "CREATE INDEX name_by_part ON connectors_name USING gin (connectors_trigrams(kind, text)) "
            "WITH (fastupdate = off)",
            "DROP INDEX name_by_part",
        ),
        *(trigger(kind, columns) for kind, columns in COLUMNS.items()),
    ]
