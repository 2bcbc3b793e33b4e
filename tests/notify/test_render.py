"""Templates of users do bounded work over plain values, and nothing else."""

import time
import tracemalloc
from collections.abc import Callable

import pytest

from kwatch.clock import Clock, SystemClock
from kwatch.errors import TemplateError
from kwatch.notify.language import _FILTERS, _TESTS
from kwatch.notify.render import TemplateEngine, check_template
from tests.notify.samples import StillClock

CONTEXT = {
    "namespace": "payments",
    "count": 43,
    "ratio": 0.5,
    "is_late": False,
    "nothing": None,
    "labels": {"team": "a", "items": "mine", "app.kubernetes.io/name": "worker"},
    "alerts": [{"rule": "crash-loop", "count": 3}, {"rule": "oom-kill", "count": 1}],
    "numbers": list(range(60)),
    "name": "a" * 900,
}


@pytest.fixture
def engine() -> TemplateEngine:
    return TemplateEngine(SystemClock())


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain $HOME ${HOME} $$", "plain $HOME ${HOME} $$"),
        ("{{ namespace }}/{{ labels.team }}", "payments/a"),
        ("{{ labels.items }}", "mine"),
        ("{{ labels['app.kubernetes.io/name'] }}", "worker"),
        ("{{ labels.zone | default('-') }}", "-"),
        ("{{ 'many' if count > 10 else 'few' }}", "many"),
        ("{{ count + 1 }} {{ count // 10 }} {{ ratio * 2 }}", "44 4 1.0"),
        ("{{ namespace ~ ':' ~ count }}", "payments:43"),
        ("{% for alert in alerts %}{{ loop.index }} {{ alert.rule }}\n{% endfor %}", "1 crash-loop\n2 oom-kill\n"),
        ("{% for name, value in labels | items %}{{ name }}={{ value }};{% endfor %}", None),
        ("{{ alerts | map(attribute='rule') | join(', ') }}", "crash-loop, oom-kill"),
        ("{{ alerts | selectattr('count', 'gt', 2) | map(attribute='rule') | join }}", "crash-loop"),
        ("{% set where = namespace | upper %}{{ where }}", "PAYMENTS"),
        ("{{ 'yes' if namespace in ['payments', 'shop'] else 'no' }}", "yes"),
        ("{{ namespace | replace('pay', 'p') | truncate(4, true, '', 0) }}", "pmen"),
        ("{{ numbers[:3] | join('-') }}", "0-1-2"),
        ("{{ nothing }}", ""),
    ],
)
def test_T30_the_language_says_what_people_need(engine: TemplateEngine, template: str, expected: str | None) -> None:
    rendered = engine.for_message().render(template, CONTEXT)
    assert expected is None or rendered == expected


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ ''.__class__.__mro__ }}", "line 1: names do not begin with an underscore: __mro__"),
        ("{{ labels.get('a') }}", "line 1: calls are not in the language of templates"),
        ("a\n{{ range(10) }}", "line 2: calls are not in the language of templates"),
        ("{% macro m() %}{% endmacro %}", "line 1: macros are not in the language of templates"),
        ("{% include 'x' %}", "line 1: tags like `include` are not in the language of templates"),
        ("{% set a = {'b': 1} %}", "line 1: mappings are not in the language of templates"),
        ("{{ 9 ** 9 }}", "line 1: powers are not in the language of templates"),
        ("{% set l = [count, count] %}", "line 1: lists hold constants only"),
        ("{{ ''|attr('upper') }}", "line 1: No filter named 'attr'."),
        ("{{ count", "line 1: unexpected end of template, expected 'end of print statement'."),
        ("x" * 20_000, "the template is longer than 16384 characters"),
    ],
)
def test_X07_P9_what_is_not_in_the_language_is_refused_before_use(template: str, problem: str) -> None:
    assert check_template(template) == problem


def test_a_good_template_has_no_problem() -> None:
    assert check_template("{{ namespace }}: {% if count > 3 %}often{% endif %}") is None


BIG = "{% set s = 'xxxxxxxxxxxxxxxx' %}" + "{% set s = s ~ s %}" * 12
ATTACKS = {
    "long text": "{{ 'a' * 200000000 }}",
    "doubling": "{% set s = 'xxxxxxxxxxxxxxxx' %}" + "{% set s = s ~ s %}" * 400 + "{{ s }}",
    "doubling by plus": "{% set s = 'xxxxxxxxxxxxxxxx' %}" + "{% set s = s + s %}" * 400 + "{{ s }}",
    "loops": "{% for a in numbers %}" * 6 + "x" + "{% endfor %}" * 6,
    "silent loops": BIG + "{% for a in s if false %}{% endfor %}" * 300,
    "output": "{% for a in numbers %}{% for b in numbers %}" + "y" * 100 + "{% endfor %}{% endfor %}",
    "join": "{{ numbers | join('" + "z" * 4000 + "') }}",
    "replace": "{{ ('a' ~ 'a' ~ 'a') | replace('a', '" + "b" * 15000 + "') | replace('b', 'cccccccccccccccc') }}",
    "digits": "{% set n = 9 %}" + "{% set n = n * n %}" * 300 + "{{ n }}",
    "round": "{{ 1.5 | round(999999999, 'ceil') }}",
    "format": "{{ '%999999999d' % 1 }}",
    "width": "{{ 'a' | center(999999999) }}",
    "characters as a list": "{% set s = 'xxxxxxxxxxxxxxxx' %}" + "{% set s = s ~ s %}" * 11 + "{{ s | list | length }}",
    "recursion": "{% for a in numbers recursive %}{{ loop(numbers) }}{% endfor %}",
    "a mapping": "{{ labels }}",
    "a method": "{{ namespace.upper }}",
    "division": "{{ 1 / 0 }}",
    "unknown": "{{ who }}",
    "texts in lists": BIG
    + "{% set words = name | list | map('replace', 'a', s) | list %}{% set other = s[1:] ~ 'y' %}"
    + "{{ other in words }}" * 500,
    "many copies": BIG + "".join(f"{{% set v{n} = s[1:] %}}" for n in range(300)),
    "sorting": BIG
    + "{% set words = name | list | map('replace', 'a', s) | list %}"
    + "{{ words | sort | first }}" * 50,
    "trim": BIG + "{% set t = s | replace('x', 'b') %}" + "{{ t | trim(s ~ 'b') }}" * 300,
    "tests": BIG + "{% set t = s[1:] ~ 'y' %}" + "{% if s is lt t %}{% endif %}" * 300,
    "look-ups": "{{ name | list | map(attribute='" + "a." * 6000 + "a', default='x') | join }}",
    "many parts": "{{n<n}}" * 2300,
    "blocks": "{% for a in numbers %}" * 25 + "{% endfor %}" * 25,
    "deep": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
}


@pytest.mark.parametrize("clock", [SystemClock(), StillClock()], ids=["with a deadline", "by steps alone"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_X08_bombs_fail_as_template_errors_in_time_and_memory(attack: str, clock: Clock) -> None:
    before = time.perf_counter()
    with pytest.raises(TemplateError):
        TemplateEngine(clock).for_message().render(ATTACKS[attack], CONTEXT)
    assert time.perf_counter() - before < 2.0  # 0.25 s, and a slow machine
    assert _peak(lambda: TemplateEngine(clock).for_message().render(ATTACKS[attack], CONTEXT)) < 64 * 1024 * 1024


def _peak(work: Callable[[], object]) -> int:
    """Return how many bytes a rendering that fails holds at a time."""
    tracemalloc.start()
    try:
        work()
    except TemplateError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def test_the_deadline_ends_a_template_that_takes_steps_slowly() -> None:
    class SlowClock(StillClock):
        def monotonic(self) -> float:
            self.seconds += 0.01
            return self.seconds

    with pytest.raises(TemplateError, match="take too long"):
        TemplateEngine(SlowClock()).for_message().render("{% for n in numbers %}{{ n }}{% endfor %}", CONTEXT)


def test_the_templates_of_one_message_share_the_time_of_one() -> None:
    class SlowClock(StillClock):
        def monotonic(self) -> float:
            self.seconds += 0.01
            return self.seconds

    engine = TemplateEngine(SlowClock())
    message, another = engine.for_message(), engine.for_message()
    template = "{{ count + 1 }}" * 5  # 60 ms
    assert [message.render(template, CONTEXT) for _ in range(4)] == ["4444444444"] * 4
    with pytest.raises(TemplateError, match="the templates of the message take too long"):
        message.render(template, CONTEXT)
    assert message.render("without a step", CONTEXT) == "without a step"
    assert another.render(template, CONTEXT) == "4444444444"


@pytest.mark.parametrize(
    ("leaf", "value"),
    [
        ("{{ count }}", 43),
        ("{{ ratio }}", 0.5),
        ("{{ is_late }}", False),
        ("{{ nothing }}", None),
        ("{{ namespace }}", "payments"),
        ("{{ count > 3 }}", True),
        (" {{ count }}", " 43"),
        ("{{ count }}{{ count }}", "4343"),
        ("text", "text"),
        ("", ""),
    ],
)
def test_T21_a_leaf_that_is_one_expression_keeps_its_type(engine: TemplateEngine, leaf: str, value: object) -> None:
    rendered = engine.for_message().render_value(leaf, CONTEXT)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize("name", _FILTERS)
def test_a_filter_takes_any_value_or_the_template_fails(engine: TemplateEngine, name: str) -> None:
    """Nothing else comes out: `truncate(1)` is an AssertionError of Jinja's, `5 | dictsort` an AttributeError."""
    values = ("'a b'", "5", "0.5", "'1e999' | float", "nothing", "is_late", "labels", "alerts", "numbers", "missing")
    arguments = ("", "(1)", "('a')", "(nothing, labels)")
    for template in (f"{{{{ {value} | {name}{given} }}}}" for value in values for given in arguments):
        try:
            engine.for_message().render(template, CONTEXT)
        except TemplateError:
            pass


@pytest.mark.parametrize("name", _TESTS)
def test_a_test_takes_any_value_or_the_template_fails(engine: TemplateEngine, name: str) -> None:
    values = ("'a b'", "5", "nothing", "labels", "alerts", "missing")
    for template in (f"{{{{ {value} is {name} {given} }}}}" for value in values for given in ("", *values)):
        try:
            engine.for_message().render(template, CONTEXT)
        except TemplateError:
            pass


def test_the_context_cannot_be_changed(engine: TemplateEngine) -> None:
    engine.for_message().render("{% set count = 1 %}{% set labels = 2 %}", CONTEXT)
    assert engine.for_message().render("{{ count }} {{ labels.team }}", CONTEXT) == "43 a"
