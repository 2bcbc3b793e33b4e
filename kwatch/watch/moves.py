"""What another plan means for the watches that run: which end, which begin, which are left alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kwatch.model.objects import Resource, Source
from kwatch.watch.extract import Projection


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A kind to watch, as the configuration names it (`Pod`, `Certificate.cert-manager.io`), and what to keep of it."""

    token: str
    projection: Projection = field(default_factory=Projection)
    metadata_only: bool = False

    def __or__(self, other: "Want") -> "Want":
        return Want(
            token=self.token,
            projection=self.projection | other.projection,
            metadata_only=self.metadata_only and other.metadata_only,
        )

    def covers(self, other: "Want") -> bool:
        """Whether whoever wants the other is served by this."""
        return self.projection | other.projection == self.projection and self.metadata_only <= other.metadata_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """From one set of watches to another. What is in both `stopped` and `started` begins anew, as more is kept."""

    stopped: Mapping[Source, Want]
    started: Mapping[Source, Want]
    wanted: Mapping[Source, Want]  # everything that runs from then on

    @property
    def kinds(self) -> Mapping[Resource, Projection]:
        """What is kept of each kind from then on."""
        wanted = self.wanted.items()
        return {source.resource: want.projection for source, want in wanted if source.resource.kind != "Event"}

    def goes_on(self, source: Source) -> bool:
        """Whether a source that is stopped begins anew."""
        return any(source.id == each.id for each in self.started)


def moves(before: Mapping[Source, Want], after: Mapping[Source, Want]) -> Moves:
    """Return what has to end and to begin; a watch that keeps enough already is left as it is."""
    wider = {source.resource: want for source, want in before.items()}
    target = {}
    for source, want in after.items():
        known = wider.get(source.resource)
        chosen = known if known is not None and known.covers(want) else want
        target[Source(source.resource, source.namespace, chosen.metadata_only)] = chosen
    return Moves(
        stopped={source: want for source, want in before.items() if target.get(source) != want},
        started={source: want for source, want in target.items() if before.get(source) != want},
        wanted=target,
    )
