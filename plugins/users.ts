import fp from 'fastify-plugin'
import { createUserRepository, type UserRepository } from './users/repository.ts'

export type { UserRecord, UserRepository } from './users/repository.ts'
export type { UserFilter } from './users/search-repository.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The user repository. */
    users: UserRepository
  }
}

export default fp(async (app) => {
  app.decorate('users', createUserRepository(app.database.queries, app.database))
}, { name: 'users', dependencies: ['database'], fastify: '5.x' })
