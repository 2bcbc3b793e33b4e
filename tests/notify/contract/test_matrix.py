"""Matrix."""

from kwatch.notify.channels import matrix
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.matrix import Matrix


class TestMatrix(HttpContract):
    channel = matrix
    vendor = Matrix
