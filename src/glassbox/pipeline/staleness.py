"""Reasons why a stage is stale: its differences from the last run."""

from collections.abc import Mapping
from typing import Any

from glassbox.code_hash import module_hash
from glassbox.files import canonical_json
from glassbox.request.model import Request
from glassbox.runtime.field_tracking import field_value


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def stale_reasons(manifest: Mapping[str, Any] | None, facts: Mapping[str, Any], request: Request) -> list[str]:
    """Return the reasons why the products of `manifest` are stale for `facts` and `request`; empty if they are fresh."""
    if manifest is None:
        return ["it has not been run yet"]
    before = manifest["facts"]
    reasons: list[str] = []
    if before["cells"] != facts["cells"]:
        pairs = enumerate(zip(before["cells"], facts["cells"], strict=False), start=1)
        differing = [str(i) for i, (a, b) in pairs if a != b]
        if len(before["cells"]) != len(facts["cells"]):
            reasons.append(f"its notebook has {len(facts['cells'])} code cells, was {len(before['cells'])}")
        else:
            reasons.append(f"code cell {', '.join(differing)} of its notebook changed")
    for name in _changed(before["inputs"], facts["inputs"]):
        reasons.append(f"{name} changed")
    for name in _changed(before["source"], facts["source"]):
        reasons.append(f"data: {name} changed")
    if before["lock"] != facts["lock"]:
        reasons.append("requirements.lock changed")
    for name in _changed(before["platform"], facts["platform"]):
        old, new = before["platform"].get(name), facts["platform"].get(name)
        reasons.append(f"platform: {name} is {new}, was {old}")
    for name in ("family", "products"):
        if before[name] != facts[name]:
            reasons.append(f"{name} changed")
    for path, value in manifest["reads"].items():
        now = field_value(request, path)
        if now != value:
            reasons.append(f"request: {path} is {canonical_json(now)}, was {canonical_json(value)}")
    for name, value in manifest["modules"].items():
        if module_hash(name) != value:
            reasons.append(f"code: {name} changed")
    return reasons
