"""The settings of a server that tests start: the product's, with a hash that takes no time."""

from api.settings import *  # noqa: F403
from tests.support.ground.hashing import QUICK_HASHER

PASSWORD_HASHERS = [QUICK_HASHER]
