"""An app with an agent of its own: it posts a message, writes the reply itself, and survives whatever the server does.

    python examples/producer.py http://127.0.0.1:8000/graphql "What is a transom?"

It needs nothing but Python. Everything it sends may be sent again: the session, the message and the run have ids made
here, and the events of the run have numbers. So when there is no answer, it asks the same again until there is one.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from itertools import batched
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

URL = "http://127.0.0.1:8000/graphql"
WORDS = 500
BATCH = 5
PAUSE = 0.01
PATIENCE = 120.0

SEND = """
mutation ($input: SendMessageInput!) {
  answer: sendMessage(input: $input) { __typename ... on UserError { reason } }
}
"""
START = """
mutation ($input: StartRunInput!) {
  answer: startRun(input: $input) {
    __typename
    ... on HeldRunPayload { run { id epoch } message { id } }
    ... on UserError { reason }
  }
}
"""
APPEND = """
mutation ($input: AppendToRunInput!) {
  answer: appendToRun(input: $input) {
    __typename
    ... on AppendToRunPayload { lastSeq run { cancelRequested } }
    ... on UserError { reason }
  }
}
"""
FINISH = """
mutation ($input: FinishRunInput!) {
  answer: finishRun(input: $input) { __typename ... on UserError { reason } }
}
"""
READ = "query ($id: ID!) { answer: message(id: $id) { status content } }"


def agent(question: str) -> Iterator[str]:
    """Your own loop: models, tools, whatever makes the reply. This one rambles, the same for the same question."""
    rambling = random.Random(question)
    for _ in range(WORDS):
        time.sleep(PAUSE)
        yield rambling.choice(["a", "bar", "that", "joins", "the", "panes", "of", "every", "window", "🪟"]) + " "


def ask(url: str, document: str, **variables: object) -> Any:
    """The answer to an operation, asked until there is one. Ends the program when the server refuses."""
    body = json.dumps({"query": document, "variables": variables}).encode()
    request = Request(url, body, {"content-type": "application/json", "accept": "application/graphql-response+json"})
    give_up, pause = time.monotonic() + PATIENCE, 0.1
    while True:
        try:
            with urlopen(request, timeout=10) as response:
                answer = json.load(response)
            if not answer.get("errors"):
                break
            problem = answer["errors"][0]["message"]
            passing = answer["errors"][0]["extensions"]["code"] in {"SERVICE_UNAVAILABLE", "TIMED_OUT", "INTERNAL"}
        except HTTPError as error:
            problem, passing = f"{error}: {error.read().decode()}", error.code >= 500
        except (OSError, HTTPException, ValueError) as error:  # no connection, or an answer that broke off
            problem, passing = repr(error), True
        if not passing or time.monotonic() > give_up:
            sys.exit(f"It cannot go on: {problem}")
        print(f"No answer, trying again: {problem}", flush=True)
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
    if "reason" in (answer["data"]["answer"] or {}):
        sys.exit(f"The server refuses: {answer['data']['answer']['reason']}")
    return answer["data"]["answer"]


def main(url: str = URL, question: str = "What is a transom?") -> None:
    """Ask, answer, and compare what was written with what is there."""
    session_id, message_id, run_id = (str(uuid4()) for _ in range(3))
    ask(url, SEND, input={"newSession": {"id": session_id}, "id": message_id, "text": question, "reply": False})
    held = ask(url, START, input={"messageId": message_id, "id": run_id})
    run = {"id": run_id, "epoch": held["run"]["epoch"]}
    print(f"Session {session_id}", f"Run {run_id}", sep="\n", flush=True)

    written: list[str] = []
    end = "COMPLETED"
    for words in batched(agent(question), BATCH):
        events = [{"text": word} for word in words]
        stored = ask(url, APPEND, input=run | {"fromSeq": len(written) + 1, "events": events})
        written += words
        if stored["run"]["cancelRequested"]:
            end = "CANCELLED"
            break
    ask(url, FINISH, input=run | {"lastSeq": len(written), "end": end})

    reply = ask(url, READ, id=held["message"]["id"])
    if reply["content"] != "".join(written):
        sys.exit("What is there is not what was written.")
    print(f"{reply['status']}: all {len(written)} words are there, each once and in order.")


if __name__ == "__main__":
    main(*sys.argv[1:])
