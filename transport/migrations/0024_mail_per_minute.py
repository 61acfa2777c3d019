"""The history of mail per minute begins now: what queues counted before belongs to no minute."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F


def begin(apps, _schema_editor):
    apps.get_model('transport', 'Queue').objects.update(entered_noted=F('entered'), departed_noted=F('departed'))


class Migration(migrations.Migration):

    dependencies = [
        ('transport', '0023_mail_of_the_first_version'),
    ]

    operations = [
        migrations.AddField(
            model_name='queue',
            name='departed_noted',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='queue',
            name='entered_noted',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
        migrations.CreateModel(
            name='MailMinute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minute', models.DateTimeField()),
                ('incoming', models.BigIntegerField(db_default=0, default=0)),
                ('outgoing', models.BigIntegerField(db_default=0, default=0)),
                ('server', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='transport.transportserver')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('minute', 'server'), name='one_row_per_minute')],
            },
        ),
    ]
