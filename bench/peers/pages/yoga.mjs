// GraphQL Yoga on Node's HTTP server.

import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'
import { resolvers, serve, typeDefs } from './rows.mjs'

const { resolveType: _, ...Part } = resolvers.Part
const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers: { ...resolvers, Part } }), logging: false })
const server = createServer(yoga)
server.listen(0, '127.0.0.1', () => serve(server.address().port))
