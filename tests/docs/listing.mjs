// The documented sidebar: three lists, loaded page by page while sessions are made, moved, filed, archived and deleted by
// chance (a seed decides). Prints each list, as it is shown and as a fresh query gives it, and the counts, likewise.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { follow, page } from "./account.mjs";
import { after, list, listed, nothing, withPage } from "./sidebar.mjs";

const [url, folder, seed] = process.argv.slice(2);
const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });

async function ask(query, variables) {
  const { value } = await client.iterate({ query, variables }).next();
  if (value.errors) throw value.errors;
  return value.data;
}

let drawn = Number(seed);
const chance = () => (drawn = (drawn * 48271) % 2147483647) / 2147483647;
const one = (among) => among[Math.floor(chance() * among.length)];

const made = [];
const make = async () => {
  made.push(crypto.randomUUID());
  await ask(`mutation ($id: ID!) { createSession(input: { id: $id }) { __typename } }`, { id: made.at(-1) });
};
const edit = (change) => ask(`mutation ($id: ID!) { editSession(input: { id: $id, ${change} }) { __typename } }`, { id: one(made) });
const steps = [
  make,
  () => edit(`archived: ${chance() < 0.5}`),
  () => edit(`pinned: ${chance() < 0.5}`),
  () => edit(chance() < 0.6 ? `folderId: "${folder}"` : "folderId: null"),
  () => ask(`mutation ($id: ID!) { sendMessage(input: { sessionId: $id, text: "Hi", reply: false }) { __typename } }`, { id: one(made) }),
  () => ask(`mutation ($id: ID!, $before: ID) { moveSession(id: $id, beforeId: $before) { __typename } }`, { id: one(made), before: one([...made, null]) }),
  () => chance() < 0.3 && ask(`mutation ($id: ID!) { deleteSession(id: $id) { __typename } }`, { id: one(made) }),
  () => load(Math.floor(chance() * lists.length)),
];

let state = nothing;
const lists = [list({ archived: false }), list({ folderId: folder }, "POSITION"), list({ archived: true, pinned: false }, "CREATED")];

async function load(number) {
  const { filter, orderBy, next, whole } = lists[number];
  if (whole) return;
  const { sessions } = await ask(page, { first: 4, after: next, filter, orderBy });
  [state, lists[number]] = withPage(state, lists[number], sessions);
}

const heard = [];
const changed = () => new Promise((resolve) => heard.push(resolve));

async function listen() {
  for await (const { data, errors } of client.iterate({ query: follow, variables: { after: state.cursor } })) {
    if (errors) throw errors;
    state = after(state, data.changes);
    heard.splice(0).forEach((resolve) => resolve());
  }
}

for (let number = 0; number < 9; number++) await make();
await load(0);
const listening = listen();
await load(1);
await load(2);
for (let number = 0; number < 120; number++) await one(steps)();

const byId = (one, other) => (one.id < other.id ? -1 : 1);
const truth = async () =>
  ask(`{ viewer { cursor } trash { totalCount }
    active: sessions(filter: { archived: false }) { counts { total unread running pinned starred } }
    archived: sessions(filter: { archived: true }) { counts { total unread } }
    folders { id sessionCount unreadCount } }`);
const fresh = await truth();
const wanted = {
  active: fresh.active.counts,
  archived: fresh.archived.counts,
  trash: fresh.trash.totalCount,
  folders: fresh.folders.filter(({ sessionCount }) => sessionCount).sort(byId),
};
const counts = () => {
  const { active, archived, trash, folders } = state.counts ?? { folders: [] };
  return { active, archived, trash, folders: [...folders].sort(byId) };
};
while (state.cursor !== fresh.viewer.cursor || JSON.stringify(counts()) !== JSON.stringify(wanted)) await changed();

const results = [];
for (const each of lists) {
  const shown = listed(state, each).map(({ id }) => id);
  const { filter, orderBy, whole } = each;
  const { sessions } = await ask(page, { first: 100, filter, orderBy });
  const all = sessions.edges.map(({ node }) => node.id);
  results.push({ shown, whole, all });
}
console.log(JSON.stringify(results));
await client.dispose();
await listening;
