"""kwatch tells people what is wrong in a Kubernetes cluster, and when it is over."""

__version__ = "0.1.0"
