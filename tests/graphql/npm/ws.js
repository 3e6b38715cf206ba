// graphql-ws: a query, a subscription, an error, and an early end, all over one socket.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const client = createClient({
  url: process.argv[2],
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: "Bearer ada", client: "node" },
  lazy: true,
  retryAttempts: 0,
  keepAlive: 50,
});

async function all(query, variables) {
  const results = [];
  try {
    for await (const result of client.iterate({ query, variables })) results.push(result.data ?? result.errors);
  } catch (errors) {
    results.push(errors.map((error) => error.extensions.code));
  }
  return results;
}

console.log(
  JSON.stringify(
    await Promise.all([
      all("{ viewer }"),
      all("mutation ($a: Int!) { add(a: $a, b: 2) }", { a: 1 }),
      all("subscription { count }"),
      all("subscription { nothing }"),
      all("subscription {"),
    ]),
  ),
);

const ticks = client.iterate({ query: "subscription { ticks }" });
console.log(JSON.stringify((await ticks.next()).value.data));
// A pong shows that keep-alive pings are answered.
await new Promise((resolve) => client.on("pong", resolve));
await ticks.return();
await client.dispose();
