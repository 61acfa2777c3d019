"""Mail that waits since the first version keeps its reports: that version took mail from trusted clients alone."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def trust(apps, _schema_editor):
    message, queued = apps.get_model('transport', 'Message'), apps.get_model('transport', 'QueuedMessage')
    # Later versions write the name of the connector behind it.
    earlier = message.objects.filter(source='SMTP', trusted_sender=False).exclude(mail_from='')
    received_at = earlier.filter(pk=OuterRef('message')).values('received_at')
    queued.objects.filter(message__in=earlier, delay_since=None).update(delay_since=Subquery(received_at))
    earlier.update(trusted_sender=True)


class Migration(migrations.Migration):

    dependencies = [
        ('transport', '0022_login_holds'),
    ]

    operations = [
        migrations.RunPython(trust, migrations.RunPython.noop),
    ]
