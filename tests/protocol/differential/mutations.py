"""What would be no intended difference: an excused pair of answers with one thing changed."""

from collections.abc import Iterator

from asks import Ask, get
from pair import Seen

BROKEN = Seen(500, {"error_code": "INTERNAL_ERROR", "message": "Something went wrong inside the server."})
REFUSED = Seen(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Something else is wrong."})
ABSENT = Seen(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Something else is not there."})
OTHER_BODY = Seen(200, {"something_else": 1})
OTHER_PAGE = Seen(200, "something else")
ELSEWHERE = get("gateway/routes", {"limit": "5"})


def mutated(ask: Ask, theirs: Seen, ours: Seen) -> Iterator[tuple[str, tuple[Ask, Seen, Seen]]]:
    """Each change by its name."""
    for other in (BROKEN, REFUSED, ABSENT, OTHER_BODY, OTHER_PAGE):
        yield f"we answer {other.status}", (ask, theirs, other)
        yield f"MLflow answers {other.status}", (ask, other, ours)
    if theirs.status != ours.status:
        yield "changed over", (ask, ours, theirs)
        yield "another status of ours", (ask, theirs, ours._replace(status=503))
    yield "of another request", (ELSEWHERE, theirs, ours)
