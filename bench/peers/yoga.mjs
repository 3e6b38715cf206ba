// GraphQL Yoga with graphql-ws, put together as Yoga's documentation does.

import { createServer } from 'node:http'
import { useServer } from 'graphql-ws/use/ws'
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { WebSocketServer } from 'ws'
import { obey, typeDefs } from './control.mjs'

const pubSub = createPubSub()
const resolvers = {
  Subscription: { session: { subscribe: (_, { id }) => pubSub.subscribe('session', id), resolve: (event) => event } },
}
const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false })
const server = createServer(yoga)

useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...ctx,
        req: ctx.extra.request,
        socket: ctx.extra.socket,
        params,
      })
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      }
      const errors = validate(args.schema, args.document)
      return errors.length ? errors : args
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
)

server.listen(0, '127.0.0.1', () => obey(server.address().port, (id, event) => pubSub.publish('session', id, event)))
