"""An app that counts from `first` to `last` into a run, and says on its output how far that is stored.

    python -m tests.chaos.producer URL RUN EPOCH FIRST LAST PAUSE AT_ONCE

With EPOCH 0 it takes the run over, and goes on after what is written. Each event is AT_ONCE numbers; before each it
pauses so many seconds. When all is stored it ends the run. It asks as the example does: again and again until there is
an answer.
"""

import runpy
import sys
import time
from itertools import batched
from pathlib import Path
from typing import Any

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "producer.py"))
TAKE = """
mutation ($id: ID!) {
  answer: takeOverRun(id: $id) {
    __typename
    ... on HeldRunPayload { run { epoch } message { content } }
    ... on UserError { reason }
  }
}
"""


def ask(url: str, document: str, **variables: object) -> Any:
    """The answer to an operation, whatever it takes. A refusal ends the program."""
    return EXAMPLE["ask"](url, document, **variables)


def main(url: str, run_id: str, epoch: int, first: int, last: int, pause: float, at_once: int) -> None:
    """Count."""
    begin = 1 + first // at_once
    if epoch == 0:
        held = ask(url, TAKE, id=run_id)
        begin, epoch, first = 1, held["run"]["epoch"], len(held["message"]["content"].split())
        say("took over", epoch)
    run = {"id": run_id, "epoch": epoch}
    events = [" ".join(map(str, numbers)) + " " for numbers in batched(range(first, last + 1), at_once)]
    for seq, event in enumerate(events, start=begin):
        time.sleep(pause)
        ask(url, EXAMPLE["APPEND"], input=run | {"fromSeq": seq, "events": [{"text": event}]})
        say("stored", event)
    ask(url, EXAMPLE["FINISH"], input=run | {"lastSeq": begin + len(events) - 1, "end": "COMPLETED"})
    say("finished")


def say(*words: object) -> None:
    """A line of output, at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    url, run_id, epoch, first, last, pause, at_once = sys.argv[1:]
    main(url, run_id, int(epoch), int(first), int(last), float(pause), int(at_once))
