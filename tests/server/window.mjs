// A window: follows a session through graphql-ws until its newest reply has ended, and prints what it shows.
// Run in the folder that has the packages: `node window.mjs ws://… <session id> [token]`.
import { createRequire } from "node:module";

const need = createRequire(`${process.cwd()}/`);
const { createClient } = need("graphql-ws");
const [url, id, token] = process.argv.slice(2);

const client = createClient({
  url,
  webSocketImpl: need("ws"),
  connectionParams: token ? { Authorization: `Bearer ${token}` } : {},
  retryAttempts: 0,
});

const query = `subscription Follow($id: ID!) {
  session(id: $id) {
    __typename
    ... on MessageChanged { message { id role status parts { index ... on TextPart { text } } } }
    ... on PartChanged { messageId part { index ... on TextPart { text } } }
    ... on TextDelta { messageId index offset text }
    ... on Reset { reason }
  }
}`;

const messages = new Map();
let newest;
let deltas = 0;
let caughtUp = false;
const say = (shown) => process.stdout.write(`${JSON.stringify(shown)}\n`);

for await (const { data, errors } of client.iterate({ query, variables: { id } })) {
  if (errors) throw new Error(JSON.stringify(errors));
  const event = data.session;
  if (event.__typename === "MessageChanged") {
    const { message } = event;
    messages.set(message.id, { ...message, parts: message.parts.map((part) => part.text ?? "") });
    if (message.role === "ASSISTANT") newest = message.id;
  } else if (event.__typename === "PartChanged") {
    messages.get(event.messageId).parts[event.part.index] = event.part.text ?? "";
  } else if (event.__typename === "TextDelta") {
    const { parts } = messages.get(event.messageId);
    if (parts[event.index].length !== event.offset) throw new Error(`At ${event.offset}, not ${parts[event.index].length}, after ${parts[event.index].slice(-40)}: ${event.text}`);
    parts[event.index] += event.text;
    deltas += 1;
  } else if (event.__typename === "CaughtUp") {
    caughtUp = true;
    say({ caughtUp });
  } else if (event.__typename === "Reset") {
    throw new Error(`Reset: ${event.reason}`);
  }
  const reply = messages.get(newest);
  if (caughtUp && reply && !["PENDING", "STREAMING"].includes(reply.status)) {
    say({ status: reply.status, reply: reply.parts.join(""), deltas });
    break;
  }
}
await client.dispose();
