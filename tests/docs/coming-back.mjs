// graphql-ws, set to come back whatever happens, at a server that closes each first socket with the code in its address.
// Prints for each code whether it came back.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, ...codes] = process.argv.slice(2);
const found = {};
for (const code of codes) {
  const client = createClient({
    url: `${url}/${code}`,
    webSocketImpl: WebSocket,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: async () => {},
  });
  try {
    found[code] = (await client.iterate({ query: "{ hello }" }).next()).value.data.hello;
  } catch {
    found[code] = false;
  }
  await client.dispose();
}
console.log(JSON.stringify(found));
