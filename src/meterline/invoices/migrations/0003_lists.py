"""Indexes for the list of invoices: by day, and those of a run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0002_immutable")]

    operations = [
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["issue_date", "id"], name="invoices_by_day"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("bill_run_id__isnull", False)),
                fields=["bill_run_id", "issue_date", "id"],
                name="invoices_by_run",
            ),
        ),
    ]
