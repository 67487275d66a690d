"""What pages keep; the cache that all servers share: counts of attempts to sign in stand there."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Figure",
            fields=[
                ("code", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("computed_at", models.DateTimeField()),
                ("content", models.JSONField()),
            ],
            options={
                "db_table": "web_figure",
            },
        ),
        migrations.CreateModel(
            name="Feedback",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("page", models.CharField(max_length=500)),
                ("text", models.TextField()),
                ("picture", models.BinaryField(null=True)),
                ("picture_type", models.CharField(blank=True, default="", max_length=20)),
                ("given_by", models.CharField(max_length=200)),
                ("given_at", models.DateTimeField()),
                ("state", models.CharField(default="new", max_length=20)),
                ("note", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "web_feedback",
                "indexes": [models.Index(fields=["state", "id"], name="web_feedback_by_state")],
            },
        ),
        migrations.CreateModel(
            name="PutAway",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("what", models.CharField(max_length=60)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "web_putaway",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "what"), name="put_away_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("table", models.CharField(max_length=100)),
                ("name", models.CharField(max_length=100)),
                ("query", models.TextField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "web_savedview",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "table", "name"), name="one_view_a_name"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            """
            CREATE UNLOGGED TABLE web_cache (
                cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL
            );
            CREATE INDEX web_cache_expires ON web_cache (expires);
            """,
            "DROP TABLE web_cache",
        ),
    ]
