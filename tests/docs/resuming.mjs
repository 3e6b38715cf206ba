// Follows a session with the documented reducer until five tokens have come, leaves, has something more said, comes back
// after the last cursor, and prints what it then knows beside what a new window knows.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { after, nothing } from "./reducer.mjs";
import { say } from "./send.mjs";
import { follow } from "./window.mjs";

const [url, id] = process.argv.slice(2);
const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });

async function until(state, enough) {
  let deltas = 0;
  for await (const { data, errors } of client.iterate({ query: follow, variables: { id, after: state.cursor, leafId: state.leafId } })) {
    if (errors) throw errors;
    state = after(state, data.session);
    deltas += data.session.__typename === "TextDelta";
    if (enough(state, deltas)) return state;
  }
}

const over = ({ messages, runs, live }) =>
  live &&
  Object.values(messages).length === 4 &&
  Object.values(messages).every(({ status }) => status === "COMPLETE") &&
  Object.values(runs).every(({ status }) => status === "COMPLETED");

await say(client, id, "One");
const stale = await until(nothing, (_, deltas) => deltas === 5);
await say(client, id, "Two");
const resumed = await until({ ...stale, live: false }, over);
const fresh = await until(nothing, ({ live }) => live);
console.log(JSON.stringify({ stale: stale.messages, resumed: resumed.messages, fresh: fresh.messages }));
await client.dispose();
