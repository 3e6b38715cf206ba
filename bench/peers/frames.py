"""The message that all sides send for one delta, where it is made by hand."""


def next_text(id_: str, number: int, text: str) -> str:
    """The `next` message of the operation `1`."""
    return (
        '{"id":"1","type":"next","payload":{"data":{"session":{"__typename":"TextDelta",'
        f'"runId":"{id_}","messageId":"{id_}","index":0,"offset":{25 * number},"text":"{text}"}}}}}}}}'
    )
