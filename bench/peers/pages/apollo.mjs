// Apollo Server behind its standalone HTTP server.

import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { resolvers, serve, typeDefs } from './rows.mjs'

const { resolveType: _, ...Part } = resolvers.Part
const server = new ApolloServer({ typeDefs, resolvers: { ...resolvers, Part } })
const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } })
serve(Number(new URL(url).port))
