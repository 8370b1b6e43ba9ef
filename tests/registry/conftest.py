import pytest


@pytest.fixture
def project(tracked):
    """Give each test its own copy of the empty database."""
    return tracked
