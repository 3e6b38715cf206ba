// What the peers on Node share: the schema, its resolvers over `pg`, and how a server says where it is and when it ends.

import { readFileSync } from 'node:fs'
import pg from 'pg'

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8')
export const typeDefs = read('schema.graphql')

pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.replace(' ', 'T')}:00`)
const pool = new pg.Pool({ host: process.env.PGHOST, port: 5432, max: 10 })
const viewer = process.env.VIEWER
const query = (name, text, values) => pool.query({ name, text, values }).then((found) => found.rows)

const SESSION = read('session.sql')
const MESSAGES = read('messages.sql')
const KINDS = { text: 'TextPart', reasoning: 'ReasoningPart', toolCall: 'ToolCallPart', toolResult: 'ToolResultPart' }

const shown = (part, index) => ({ ...part, index, callId: part.callId ?? part.id })

async function page(session, { last }) {
  const rows = await query('messages', MESSAGES, [session.id, session.branch, last + 1])
  const more = rows.length > last
  const edges = rows
    .slice(0, last)
    .reverse()
    .map((node) => ({
      cursor: Buffer.from(JSON.stringify(['message', node.branch, node.depth])).toString('base64url'),
      node,
    }))
  return { edges, pageInfo: { hasPreviousPage: more, startCursor: edges[0]?.cursor } }
}

export const resolvers = {
  Query: { session: async (_, { id }) => (await query('session', SESSION, [id, viewer]))[0] },
  Session: { messages: page },
  Message: {
    parentId: (message) => message.parent_id,
    role: (message) => message.role.toUpperCase(),
    status: (message) => message.status.toUpperCase(),
    createdAt: (message) => message.created_at,
    parts: (message) => message.parts.map(shown),
  },
  Part: { __resolveType: (part) => KINDS[part.kind], resolveType: (part) => KINDS[part.kind] },
  ToolCallPart: { arguments: (part) => part.text },
  ToolResultPart: { content: (part) => part.text },
}

/** Says where the server is, and ends it with its standard input. */
export function serve(port) {
  process.stdout.write(`${JSON.stringify({ port })}\n`)
  process.stdin.on('end', () => process.exit(0)).resume()
}
