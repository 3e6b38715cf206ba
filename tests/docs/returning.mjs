// The documented window while its server goes away and comes back. Prints `live` once, then `seen` when a reply has
// begun; ends when a second message has been said, and prints what it shows.
import WebSocket from "ws";
import { shown } from "./reducer.mjs";
import { connect, open } from "./window.mjs";

const [url, id] = process.argv.slice(2);
const client = connect(url, { webSocketImpl: WebSocket });
const told = new Set();
const tell = (word) => told.has(word) || (told.add(word), console.log(word));
let path = [];

const show = (state) => {
  path = shown(state);
  if (state.live) tell("live");
  if ((path.at(-1)?.parts[0]?.text ?? "").length > 30) tell("seen");
};

await open(client, id, show, () => path.at(-1)?.content === "Still there?");
console.log(JSON.stringify(path.map(({ content }) => content)));
await client.dispose();
