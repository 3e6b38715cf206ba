// Mercurius on Fastify; `node mercurius.mjs jit` compiles queries.

import Fastify from 'fastify'
import mercurius from 'mercurius'
import { resolvers, serve, typeDefs } from './rows.mjs'

const { __resolveType: _, ...Part } = resolvers.Part
const app = Fastify()
app.register(mercurius, { schema: typeDefs, resolvers: { ...resolvers, Part }, jit: process.argv[2] === 'jit' ? 1 : 0 })
await app.listen({ port: 0, host: '127.0.0.1' })
serve(app.server.address().port)
