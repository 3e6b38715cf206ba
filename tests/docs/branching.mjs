// The documented window on a session with a long history. Carries out what its input says, a line each, and prints what
// it shows after each: `more`, or the id of the message that is to be its end.
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { earlier, place, shown } from "./reducer.mjs";
import { connect, open } from "./window.mjs";

const [url, id] = process.argv.slice(2);
const client = connect(url, { webSocketImpl: WebSocket });
let state, more;
const heard = [];

const show = (now, load) => {
  [state, more] = [now, load];
  heard.splice(0).forEach((resolve) => resolve());
};
void open(client, id, show);

const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => heard.push(resolve));
};

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "more") await more();
  else await until(() => state?.live && state.leafId === line);
  const path = shown(state);
  const beside = Object.fromEntries(path.map((message) => [message.content, place(state, message)]).filter(([, { ids }]) => ids.length > 1));
  console.log(JSON.stringify({ path: path.map(({ content }) => content), beside, chosen: state.branchChosen, earlier: earlier(state) !== null }));
}
process.exit();
