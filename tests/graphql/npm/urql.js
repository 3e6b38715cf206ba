// urql with its fetch exchange alone: JSON for queries and mutations, events for subscriptions.
import { Client, fetchExchange } from "@urql/core";

const client = new Client({
  url: process.argv[2],
  exchanges: [fetchExchange],
  fetchSubscriptions: true,
  preferGetMethod: process.argv[3] === "GET",
  requestPolicy: "network-only",
});

const code = (result) => result.data ?? result.error.graphQLErrors.map((error) => error.extensions.code);

const counted = [];
await new Promise((resolve) => {
  client.subscription("subscription { count }", {}).subscribe((result) => {
    if (result.hasNext) counted.push(code(result));
    else resolve();
  });
});

console.log(
  JSON.stringify([
    code(await client.query("query ($n: String) { hello(name: $n) }", { n: "Ada" }).toPromise()),
    code(await client.mutation("mutation { add(a: 1, b: 2) }", {}).toPromise()),
    code(await client.query("{ nothing }", {}).toPromise()),
    counted,
  ]),
);
