"""A hook: says what it was told, and before any traffic asks the candidate on its own address."""

import os
import urllib.request

hook, candidate, phase, url = (
    os.environ[f"TIDEGATE_{name}"] for name in ("HOOK", "CANDIDATE", "PHASE", "URL")
)
print(f"{hook}: {candidate or 'no candidate yet'}, phase {phase}")
if hook == "before_traffic" and url:
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        print(f"{url} answers {answer.status}")
