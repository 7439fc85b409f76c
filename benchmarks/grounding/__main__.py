"""`make grounding`: every injected error must be detected, and false alarms must be below 2 % of sentences.

Exits with 1 when a limit is exceeded; the offending sentences are listed.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.grounding.measure import Count, caught, model_texts, templates

PROMISE = 0.02


def main() -> int:
    """Run the checks, print the results and return the exit code."""
    options = argparse.ArgumentParser(prog="make grounding")
    options.add_argument("--each", type=int, default=250, help="plants per family")
    options.add_argument("--seed", type=int, default=20260101)
    chosen = options.parse_args()
    families, base = caught(chosen.each, chosen.seed)
    print(f"planted errors (seed {chosen.seed})    caught/planted")
    for name, count in families.items():
        print(f"  {name:<22} {count.hit:>5}/{count.all}")
    total, hit = sum(c.all for c in families.values()), sum(c.hit for c in families.values())
    print(f"  {'all':<22} {hit:>5}/{total}   {hit / total:.2%}")
    texts, kinds = model_texts()
    print("false alarms               sentences taken out/all, all of them true")
    parts = (("before the planting", base), ("templates", templates()), ("texts of SmolLM2-135M", texts))
    for name, count in parts:
        print(f"  {name:<22} {count.hit:>5}/{count.all}   {count.hit / count.all:.2%}")
    print("  of the model's texts   " + ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())))
    wrong = [text for count in families.values() for text in count.others]
    wrong += [text for _, count in parts for text in count.others]
    print("\n".join(f"! {text}" for text in wrong[:40]))
    return int(hit < total or any(_share(count) >= PROMISE for _, count in parts) or kinds["wrong and kept"] > 0)


def _share(count: Count) -> float:
    return count.hit / count.all


if __name__ == "__main__":
    sys.exit(main())
