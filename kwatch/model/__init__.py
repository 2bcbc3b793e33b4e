"""The values that flow: immutable, comparable, without behaviour beyond small derived facts.

`msgspec.Struct(frozen=True, gc=False)` on the hot path; what is built anew per observation must not be tracked by the
garbage collector. Instants are aware UTC datetimes and end in `_at`; durations are `timedelta`.
"""
