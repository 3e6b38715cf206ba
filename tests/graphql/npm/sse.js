// graphql-sse in its distinct connections mode.
import { createClient } from "graphql-sse";

const client = createClient({ url: process.argv[2], headers: { Authorization: "Bearer ada" }, retryAttempts: 0 });

async function all(query) {
  const results = [];
  for await (const result of client.iterate({ query })) {
    results.push(result.data ?? result.errors.map((error) => error.extensions.code));
  }
  return results;
}

console.log(
  JSON.stringify(
    await Promise.all([
      all("{ viewer }"),
      all("subscription { count }"),
      all("subscription { nothing }"),
      all("subscription {"),
    ]),
  ),
);

const ticks = client.iterate({ query: "subscription { ticks }" });
console.log(JSON.stringify((await ticks.next()).value.data));
await ticks.return();
client.dispose();
