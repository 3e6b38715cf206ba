// Queues what is done offline with the documented queue, sends it, and sends it once more as if the answer had been lost.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { Queue } from "./queue.mjs";

const [url, id, message] = process.argv.slice(2);
const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
const kept = new Map();
const store = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };

const queue = new Queue(store);
queue.add({ sendMessage: { id: message, sessionId: id, text: "Said on a train", reply: false } });
queue.add({ setReaction: { id: message, emoji: "👍" } });
queue.add({ editSession: { id, title: " " } });
for (let number = 0; number < 120; number++) queue.add({ saveDraft: { id, text: `Draft ${number}` } });

const offline = store.getItem("queue");
const first = await queue.flush(client);
const left = new Queue(store).entries.length;
store.setItem("queue", offline);
const second = await new Queue(store).flush(client);
console.log(JSON.stringify({ left, first, second }));
await client.dispose();
