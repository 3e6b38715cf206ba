// What Apollo Client shows of a refusal, by what its cache knows of types and what a mutation does with the cache.
// Run in the folder that has the packages: `node apollo.mjs http://…`.
import { createRequire } from "node:module";

const need = createRequire(`${process.cwd()}/`);
const { ApolloClient, gql, HttpLink, InMemoryCache } = need("@apollo/client");
const [url] = process.argv.slice(2);

const served = await (await fetch(new URL("/possibleTypes.json", url))).json();
const lists = { none: undefined, stale: { ...served, UserError: ["NotAllowed"] }, served };
const mutation = gql`mutation {
  editSession(input: { id: "00000000-0000-4000-8000-000000000000", title: "No" }) {
    __typename
    ... on SessionPayload { session { id } }
    ... on UserError { reason }
  }
}`;

const shown = {};
for (const [name, possibleTypes] of Object.entries(lists)) {
  for (const fetchPolicy of ["network-only", "no-cache"]) {
    const client = new ApolloClient({ link: new HttpLink({ uri: url }), cache: new InMemoryCache({ possibleTypes }) });
    const { data } = await client.mutate({ mutation, fetchPolicy });
    shown[`${name}, ${fetchPolicy}`] = [data.editSession.__typename, data.editSession.reason ?? null];
  }
}
console.log(JSON.stringify(shown));
