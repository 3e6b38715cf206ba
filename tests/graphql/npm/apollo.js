// Apollo Client with its HTTP link alone: subscriptions come as the parts of one multipart answer.
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";

const client = new ApolloClient({
  link: new HttpLink({ uri: process.argv[2], headers: { Authorization: "Bearer ada" } }),
  cache: new InMemoryCache(),
  queryDeduplication: false,
});

function all(query) {
  const results = [];
  return new Promise((resolve) => {
    client.subscribe({ query }).subscribe({
      next: ({ data, error }) => results.push(data ?? error.errors.map((each) => each.extensions.code)),
      error: (error) => resolve([...results, error.errors?.map((each) => each.extensions.code) ?? String(error)]),
      complete: () => resolve(results),
    });
  });
}

console.log(
  JSON.stringify([
    (await client.query({ query: gql`{ viewer }` })).data,
    await all(gql`subscription { count }`),
    await all(gql`subscription { nothing }`),
  ]),
);

const tick = await new Promise((resolve) => {
  const ticks = client.subscribe({ query: gql`subscription { ticks }` }).subscribe(({ data }) => {
    ticks.unsubscribe();
    resolve(data);
  });
});
console.log(JSON.stringify(tick));
