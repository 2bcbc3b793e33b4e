"""What holds for every channel that speaks HTTP: what an answer means, and the faults of the way there."""

import httpx
import pytest

from kwatch.errors import Failure, SendError
from kwatch.testing.contract.desk import Desk
from kwatch.testing.contract.messages import Contract
from kwatch.testing.vendors import HttpVendor


class HttpContract(Contract):
    """What holds for every channel that speaks HTTP."""

    @pytest.mark.parametrize(
        ("status", "failure"), [(302, Failure.DESTINATION), (429, Failure.PACE), (500, Failure.AMBIGUOUS)]
    )
    def test_T03_T33_an_answer_that_is_no_success_is_a_failure(self, desk: Desk, status: int, failure: Failure) -> None:
        desk.wire.faults.append(httpx.Response(status, text="<html>"))
        with pytest.raises(SendError) as raised:
            desk.tell()
        assert raised.value.failure is failure

    def test_the_vendors_own_words_for_a_failure_are_understood(self, desk: Desk) -> None:
        vendor: HttpVendor = desk.vendor  # type: ignore[assignment]  # it is, as this is HTTP
        for refusal in vendor.refusals:
            desk.wire.faults.append(refusal.answer)
            with pytest.raises(SendError) as raised:
                desk.tell()
            assert (refusal.name, raised.value.failure) == (refusal.name, refusal.failure)

    def test_the_simulator_takes_what_is_at_each_limit_and_refuses_what_is_over_it(self, desk: Desk) -> None:
        limits: HttpVendor = type(self).vendor(desk.clock)  # type: ignore[assignment]
        for number, limit in enumerate(limits.limits):
            for requests, is_taken in ((limit.at, True), (limit.over, False)):
                vendor: HttpVendor = type(self).vendor(desk.clock)  # type: ignore[assignment]
                *before, last = requests
                for request in before:
                    assert desk.run(vendor.answer(request)).status_code < 300, limit.name
                kept = vendor.shown()
                answer = desk.run(vendor.answer(last))
                said = (limit.name, answer.status_code, limit.says in answer.text)
                assert is_taken or said == (limit.name, limit.status, True), number
                assert (vendor.shown() != kept) is is_taken, limit.name
