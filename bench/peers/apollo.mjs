// Apollo Server with graphql-ws and graphql-subscriptions, as Apollo's documentation has it for subscriptions.

import { createServer } from 'node:http'
import { ApolloServer } from '@apollo/server'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { PubSub } from 'graphql-subscriptions'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { obey, typeDefs } from './control.mjs'

const pubsub = new PubSub()
const resolvers = {
  Subscription: { session: { subscribe: (_, { id }) => pubsub.asyncIterableIterator(id), resolve: (event) => event } },
}
const schema = makeExecutableSchema({ typeDefs, resolvers })
const server = createServer()
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }))
await new ApolloServer({ schema }).start()

server.listen(0, '127.0.0.1', () => obey(server.address().port, (id, event) => pubsub.publish(id, event)))
