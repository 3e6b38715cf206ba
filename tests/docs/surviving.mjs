// The documented window, whose socket is cut while a reply arrives; prints what it shows in the end.
import WebSocket from "ws";
import { shown } from "./reducer.mjs";
import { connect, open } from "./window.mjs";
import { say } from "./send.mjs";

const [url, id] = process.argv.slice(2);
const client = connect(url, { webSocketImpl: WebSocket });
let cuts = 0;
let path = [];
client.on("closed", () => (cuts += 1));

const show = (state) => {
  path = shown(state);
  const text = path.at(-1)?.parts[0]?.text ?? "";
  if (text.length > 30 && cuts === 0) client.terminate();
};
const over = () => path.at(-1)?.status === "COMPLETE" && path.length === 2;

const opened = open(client, id, show, over);
const message = crypto.randomUUID();
await Promise.all([say(client, id, "Hello", message), say(client, id, "Hello", message)]);
await opened;
console.log(JSON.stringify({ cuts, path }));
await client.dispose();
