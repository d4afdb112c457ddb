# SPDX-License-Identifier: Apache-2.0
"""summary.py FILE…: prints `PASSED FAILED SKIPPED` over pytest's JUnit files (.xml) and meson's test logs (.json)."""

import json
import re
import sys
import xml.etree.ElementTree as tree
from collections import Counter

PASSED = re.compile(r"^(?:\[ +OK \] |ok \d)", re.MULTILINE)  # a cmocka case, or a TAP one
FAILED = re.compile(r"^(?:\[ +FAILED +\] (?!\d+ test)|not ok \d)", re.MULTILINE)
SKIPPED = re.compile(r"^(?:\[ +SKIPPED +\] (?!\d+ test)|ok \d.*# SKIP)", re.MULTILINE | re.IGNORECASE)
RELISTED = re.compile(r"^\[ +(?:FAILED|SKIPPED) +\] \d+ test\(s\), listed below:.*", re.MULTILINE | re.DOTALL)


def of_junit(path):
    """A case that failed and whose fixture failed too counts once."""
    cases = {}
    for case in tree.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        kind = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        name = (case.get("classname"), case.get("name"))
        cases[name] = "failed" if "failed" in (kind, cases.get(name)) else kind
    return Counter(cases.values())


def of_program(test):
    """One test program: its cases where it prints them, else itself."""
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    text = RELISTED.sub("", text)
    skipped = len(SKIPPED.findall(text))
    tap_skips = len(re.findall(r"^ok \d.*# SKIP", text, re.MULTILINE | re.IGNORECASE))
    counts = Counter(passed=len(PASSED.findall(text)) - tap_skips, failed=len(FAILED.findall(text)), skipped=skipped)
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP" and not counts.total():
        counts["skipped"] += 1
    elif not good and test["result"] != "SKIP" and not counts["failed"]:
        counts["failed"] += 1  # it crashed, or a sanitizer ended it
    elif good and not counts.total():
        counts["passed"] += 1
    return counts


def of_meson(path):
    with open(path, encoding="utf-8", errors="replace") as lines:
        return sum((of_program(json.loads(line)) for line in lines), Counter())


def main():
    total = sum((of_junit(path) if path.endswith(".xml") else of_meson(path) for path in sys.argv[1:]), Counter())
    print(total["passed"], total["failed"], total["skipped"])


if __name__ == "__main__":
    main()
