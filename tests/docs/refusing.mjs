// Drives apollo.mjs: prints the reason of a refusal.
import { gql } from "@apollo/client";
import { client } from "./apollo.mjs";

const mutation = gql`mutation {
  deleteSession(id: "00000000-0000-4000-8000-000000000000") { __typename ... on UserError { reason } }
}`;
const { data } = await (await client(process.argv[2])).mutate({ mutation });
console.log(data.deleteSession.reason);
