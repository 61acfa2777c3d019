from django.db import migrations


def admit_administrators(apps, schema_editor):
    """Who could do everything until now goes on to: members of Organization Management."""
    Membership = apps.get_model("admincenter", "Membership")
    User = apps.get_model("auth", "User")
    Membership.objects.bulk_create(
        Membership(user=user, role_group="organization-management")
        for user in User.objects.filter(is_staff=True)
    )


class Migration(migrations.Migration):

    dependencies = [
        ('admincenter', '0002_role_group_members'),
    ]

    operations = [
        migrations.RunPython(admit_administrators, migrations.RunPython.noop),
    ]
