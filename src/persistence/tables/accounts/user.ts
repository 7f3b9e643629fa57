/** A person with an account, as everybody but the login may see them. */
import { assert } from '../../../domain/assert.ts'
import { type Query, row } from '../query.ts'

export type UserRole = 'customer' | 'staff' | 'admin'
export const userRoles: readonly UserRole[] = ['customer', 'staff', 'admin']

export type User = {
  /** `usr_…` */
  readonly id: string
  readonly name: string
  /** As it was given; two that differ in case alone are the same. */
  readonly email: string
  readonly role: UserRole
  readonly createdAtMs: number
}

export type UserRow = Omit<User, 'role'> & { readonly role: string }

/** The columns of a `UserRow`; the table may have another name in the statement. */
export const userColumns =
  'users.id AS id, users.name AS name, users.email AS email, users.role AS role, users.created_at_ms AS "createdAtMs"'

export function userOf(found: UserRow): User {
  const { id, name, email, createdAtMs } = found
  return { id, name, email, role: roleOf(found.role), createdAtMs }
}

export function* findUser(id: string): Query<User | undefined> {
  const found = yield* row<UserRow>(`SELECT ${userColumns} FROM users WHERE id = ?`, id)
  return found === undefined ? undefined : userOf(found)
}

export function roleOf(text: string): UserRole {
  const role = userRoles.find((each) => each === text)
  assert(role !== undefined, `a user has the role ${text}, which is none`)
  return role
}
