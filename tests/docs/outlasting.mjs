// The documented window on a server that may not reach its database. Prints `live` when it has caught up, each code that
// the server refuses with, and what was said; cuts its socket at each line of its input. Ends with the first message, or
// when the window gives up.
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { shown } from "./reducer.mjs";
import { connect, open } from "./window.mjs";

const [url, id] = process.argv.slice(2);
const client = connect(url, { webSocketImpl: WebSocket });
client.on("message", ({ type, payload }) => type === "error" && console.log(payload[0].extensions.code));
createInterface({ input: process.stdin }).on("line", () => client.terminate());

let said;
const show = (state) => {
  said = shown(state)[0]?.content;
  if (state.live) console.log(said ?? "live");
};

try {
  await open(client, id, show, () => said !== undefined);
} catch (problem) {
  console.log("given up:", problem[0].extensions.code);
}
process.exit();
