// graphql-ws on a quiet subscription: counts the pings of the server, which it answers by itself.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const client = createClient({ url: process.argv[2], webSocketImpl: WebSocket, retryAttempts: 0 });
let pings = 0;
let closed = false;
client.on("closed", () => (closed = true));
client.subscribe({ query: "subscription { ticks }" }, { next() {}, error() {}, complete() {} });
await new Promise((resolve) => client.on("ping", (received) => received && ++pings === 30 && resolve()));
console.log(JSON.stringify({ pings, closed }));
process.exit();
