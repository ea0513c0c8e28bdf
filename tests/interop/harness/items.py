"""Takes OTLP requests apart into items that can be compared, however they were batched.

An item is written as the text of a request part that holds nothing but this one item with its own
resource, scope and metric. Fields unknown to the protobuf package and the presence of empty
messages show in that text. Only the grouping of items and their order is given up, and whether the
body of a log record is absent or present without a value: both mean null, and the Go Collector
always writes the latter.
"""

import difflib
from collections import Counter, defaultdict

from google.protobuf import text_format

# The lists that lead from a request to its items.
LEVELS = {
    "traces": ["resource_spans", "scope_spans", "spans"],
    "logs": ["resource_logs", "scope_logs", "log_records"],
    "metrics": ["resource_metrics", "scope_metrics", "metrics", "data_points"],
}
CASE_ATTRIBUTE = "interop.case"


def items_by_case(received):
    """Sorts `(sink, signal, request)` into `{(sink, case, signal): Counter of item texts}`."""
    found = defaultdict(Counter)
    for sink, signal, request in received:
        for lone in _alone(request, LEVELS[signal]):
            part = getattr(lone, LEVELS[signal][0])[0]
            if signal == "logs":
                _spell_out_null_body(part)
            text = text_format.MessageToString(part, as_utf8=True, print_unknown_fields=True)
            found[sink, _case(part), signal][text] += 1
    return found


def count(received):
    """The number of items for each sink of `(sink, signal, request)`."""
    totals = Counter()
    for sink, signal, request in received:
        totals[sink] += _count(request, LEVELS[signal])
    return totals


def difference(sent, arrived, limit=16):
    """The first differences between two counters of items as lines, none if they are equal."""
    missing, extra = sorted((sent - arrived).elements()), sorted((arrived - sent).elements())
    if not missing and not extra:
        return []
    lines = [f"{len(missing)} items of {sent.total()} did not arrive as sent, "
             f"{len(extra)} arrived that were not sent"]
    if not missing or not extra:
        return lines
    first = missing[0].splitlines()
    closest = max(extra, key=lambda text: len(set(first) & set(text.splitlines()))).splitlines()
    shown = difflib.unified_diff(first, closest, "sent", "arrived", lineterm="", n=2)
    return lines + list(shown)[:limit]


def _spell_out_null_body(part):
    for scope in part.scope_logs:
        for record in scope.log_records:
            record.body.SetInParent()


def _case(part):
    for attribute in part.resource.attributes:
        if attribute.key == CASE_ATTRIBUTE:
            return attribute.value.string_value
    return "(no case)"


def _alone(message, levels):
    """Copies of `message` that hold one innermost item each; a branch without items is kept."""
    name, rest = levels[0], levels[1:]
    holder = _holder(message, name)
    if holder is None or not getattr(holder, name):
        return [message]
    shell = _copy(message)
    _holder(shell, name).ClearField(name)
    lone = []
    for child in getattr(holder, name):
        for part in _alone(child, rest) if rest else [child]:
            lone.append(_copy(shell))
            getattr(_holder(lone[-1], name), name).append(part)
    return lone


def _count(message, levels):
    name, rest = levels[0], levels[1:]
    holder = _holder(message, name)
    children = getattr(holder, name) if holder is not None else []
    return sum(_count(child, rest) for child in children) if rest else len(children)


def _holder(message, name):
    """The message that has the list `name`: for data points it is the kind of the metric."""
    if name != "data_points":
        return message
    kind = message.WhichOneof("data")
    return getattr(message, kind) if kind else None


def _copy(message):
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
