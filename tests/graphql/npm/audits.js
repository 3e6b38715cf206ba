// Runs the public audits of GraphQL over HTTP and prints what did not pass.
import { serverAudits } from "graphql-http";

const results = await Promise.all(serverAudits({ url: process.argv[2] }).map((audit) => audit.fn()));
for (const { id, name, status, reason } of results) {
  if (status !== "ok") console.log(`${status} ${id} ${name}: ${reason}`);
}
console.log(`${results.filter((result) => result.status === "ok").length} of ${results.length}`);
