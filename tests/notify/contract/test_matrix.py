"""Matrix."""

from kwatch.notify.channels import matrix
from kwatch.testing.contract import BodyContract, EditContract, ThreadContract
from kwatch.testing.vendors.matrix import Matrix


class TestMatrix(BodyContract, ThreadContract, EditContract):
    channel = matrix
    vendor = Matrix
