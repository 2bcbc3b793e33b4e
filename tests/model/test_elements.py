"""Which conditions are bound to one element."""

from kwatch.model.conditions import AllOf, AnyElement, AnyOf, FieldIs, Not, Path, Text, Word, WordIs
from kwatch.model.elements import bind_elements

LIST: Path = ("spec", "containers", None)
KIND = WordIs(Word.KIND, (Text("Pod"),))


def field(*names: str | None) -> FieldIs:
    return FieldIs(names, (Text("*"),))


NAME, IMAGE = field(*LIST, "name"), field(*LIST, "image")
PORT, PROTOCOL = field(*LIST, "ports", None, "port"), field(*LIST, "ports", None, "protocol")
PHASE, TAINT = field("status", "phase"), field("spec", "taints", None, "key")


def test_what_shares_no_list_stays_as_it_is() -> None:
    mapping = AllOf((KIND, NAME, PHASE, TAINT, Not(AllOf((PHASE,)))))
    assert bind_elements(mapping) == mapping


def test_paths_of_one_mapping_are_bound() -> None:
    assert bind_elements(AllOf((NAME, KIND, IMAGE))) == AllOf((KIND, AnyElement(LIST, AllOf((NAME, IMAGE)))))


def test_what_stands_inside_the_mapping_is_bound_with_it() -> None:
    inner = (Not(AllOf((IMAGE, NAME))), AnyOf((AllOf((IMAGE,)), AllOf((PHASE,)))))
    assert bind_elements(AllOf((NAME, *inner))) == AllOf((AnyElement(LIST, AllOf((NAME, *inner))),))


def test_an_inner_list_is_bound_within_the_outer_one() -> None:
    ports = AnyElement((*LIST, "ports", None), AllOf((PORT, PROTOCOL)))
    assert bind_elements(AllOf((NAME, PORT, PROTOCOL))) == AllOf((AnyElement(LIST, AllOf((NAME, ports))),))


def test_a_mapping_that_is_bound_nowhere_binds_for_itself() -> None:
    both = AllOf((NAME, IMAGE))
    bound = AllOf((AnyElement(LIST, both),))
    assert bind_elements(AllOf((KIND, Not(both), AnyOf((both,))))) == AllOf((KIND, Not(bound), AnyOf((bound,))))
