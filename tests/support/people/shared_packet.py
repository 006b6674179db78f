"""A referral that was accepted, with a packet that is shared under a release."""

import pytest

from tests.support.people.stories import PACKET, Story


@pytest.fixture
def sealed(story: Story) -> Story:
    return story.accept().release(*PACKET).packet(**PACKET)
