"""Any condition and any object, for property tests."""

from hypothesis import strategies as st

from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Matcher,
    Not,
    Regex,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)
from kwatch.model.elements import bind_elements
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import ObjectState, StatusCondition

_GLOBS = st.text(alphabet="ab*?", max_size=4)
_MATCHERS: st.SearchStrategy[Matcher] = st.one_of(
    _GLOBS.map(Text),
    st.sampled_from(["a+", "(a|b)*", ".*", ""]).map(Regex),
    st.builds(Compare, gt=st.none() | st.floats(), le=st.none() | st.floats()),
)
_ANY = st.lists(_MATCHERS, max_size=3).map(tuple)
_PATHS = st.sampled_from([("a", None, "b"), ("a", None, "c", None), ("spec", "image")])
_LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(WordIs, st.sampled_from(Word), _ANY),
    st.builds(LabelIs, st.sampled_from("ab"), _ANY, st.booleans()),
    st.builds(FieldIs, _PATHS, _ANY),
    st.builds(StatusConditionIs, st.sampled_from(["Ready", "Failed"]), _ANY),
    st.builds(FieldChanged, _PATHS, _ANY, _ANY, st.booleans()),
)
_MAPPINGS: st.SearchStrategy[Condition] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda of: AllOf(tuple(of))),
        st.lists(inner, max_size=3).map(lambda of: AnyOf(tuple(of))),
        inner.map(Not),
    ),
    max_leaves=8,
)
CONDITIONS = _MAPPINGS | _MAPPINGS.map(bind_elements)
TEXTS = st.text(max_size=4) | st.sampled_from(["a", "b", "True", "500m"])
_VALUES = st.lists(TEXTS | st.integers() | st.floats() | st.booleans(), min_size=1, max_size=3).map(tuple)
_POSITIONS = st.lists(st.integers(0, 1), max_size=2).map(tuple)
_MAPS = st.dictionaries(st.sampled_from("ab"), TEXTS, max_size=2)
STATES: st.SearchStrategy[ObjectState] = st.builds(
    ObjectState,
    ref=st.builds(ObjectRef, TEXTS, TEXTS, TEXTS, TEXTS, st.just("u-1")),
    resource_version=st.just("1"),
    labels=_MAPS,
    annotations=_MAPS,
    node=TEXTS,
    values=st.dictionaries(_PATHS, _VALUES, max_size=3),
    positions=st.dictionaries(_PATHS, st.lists(_POSITIONS, max_size=3).map(tuple), max_size=3),
    conditions=st.dictionaries(st.just("Ready"), st.builds(StatusCondition, TEXTS), max_size=1),
)
