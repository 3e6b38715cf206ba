// Mercurius on Fastify, with its own subscriptions; `node mercurius.mjs jit` compiles queries.

import Fastify from 'fastify'
import mercurius from 'mercurius'
import { obey, typeDefs } from './control.mjs'

const app = Fastify()
const resolvers = { Subscription: { session: { subscribe: (_, { id }, { pubsub }) => pubsub.subscribe(id) } } }
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  subscription: true,
  jit: process.argv[2] === 'jit' ? 1 : 0,
})
await app.listen({ port: 0, host: '127.0.0.1' })

obey(app.server.address().port, (id, event) => app.graphql.pubsub.publish({ topic: id, payload: { session: event } }))
