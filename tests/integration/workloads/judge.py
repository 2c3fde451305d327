#!/usr/bin/env python3
"""Judges orders: each that is worth something, and that the job's checkpoints cover, is among the output."""

import json
import sys
import time


def judged(records, is_due):
    due, emitted = {}, set()
    for record in map(json.loads, records):
        value = record["value"]
        if record["topic"] == "output":
            emitted.add(value["id"])
        elif record["covered"] and is_due(value):
            due[value["id"]] = value["amount"]
    lost = [{"key": str(id), "what": f"amount {due[id]}, not in the output"} for id in sorted(due.keys() - emitted)]
    reasons = [f"{len(lost)} orders were never passed on"] if lost else []
    return {"verdict": "fail" if lost else "pass", "judged": len(due), "reasons": reasons, "counterexamples": lost}


mode = sys.argv[1] if len(sys.argv) > 1 else ""
if mode == "--hang":
    print("thinking", file=sys.stderr, flush=True)
    time.sleep(3600)
elif mode == "--crash":
    raise KeyError("no such order")
elif mode == "--lie":
    print(json.dumps({"verdict": "all is well"}))
else:
    # Strict is more than the job promises: orders that are worth nothing are wanted as well.
    print(json.dumps(judged(sys.stdin, lambda order: mode == "--strict" or order["amount"] > 0)))
