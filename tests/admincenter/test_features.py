"""Where one is: the feature pane and the tabs."""

import re

import pytest
from django.urls import reverse

from admincenter.features import FEATURES

pytestmark = pytest.mark.django_db


def current(page) -> list[str]:
    """The entries that are marked as the place one is at."""
    return re.findall(r'aria-current="[a-z]+">([^<]+)</a>', page.content.decode())


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_tab_leads_to_a_page_that_marks_it(signed_in, feature):
    for tab in feature.tabs:
        page = signed_in.get(reverse(tab.address_name))

        assert page.status_code == 200
        assert current(page) == [feature.name, tab.name]


def test_a_page_that_does_not_exist_belongs_to_no_feature(signed_in):
    page = signed_in.get("/mail-flow/nothing/")

    assert page.status_code == 404
    assert "feature-pane" in page.content.decode()
    assert current(page) == []
