/** People and their addresses as the API shows them. */
import type { Address, AddressFields } from '../persistence/tables/accounts/address-operations.ts'
import type { User } from '../persistence/tables/accounts/user.ts'
import type { SignIn } from '../shop/accounts/accounts.ts'
import { timeOf } from './time.ts'

export const exampleUser = {
  id: 'usr_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
  name: 'Ann Lee',
  email: 'ann@example.com',
  role: 'customer',
  createdAt: '2026-11-27T08:00:00.000Z',
}

export const exampleSignIn = {
  user: exampleUser,
  accessToken: 'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6InNpZ18…',
  refreshToken: 'hfr_…',
  expiresIn: 900,
}

export const exampleAddress = {
  name: 'Ann Lee',
  line1: 'Hafenstraße 7',
  city: 'Bremen',
  postalCode: '28195',
  country: 'DE',
}

export function userView({ id, name, email, role, createdAtMs }: User) {
  return { id, name, email, role, createdAt: timeOf(createdAtMs) }
}

export function signInView({ user, accessToken, refreshToken, expiresIn }: SignIn) {
  return { user: userView(user), accessToken, refreshToken, expiresIn }
}

/** Without the fields that an address does not have. */
export function addressView(address: Address): Readonly<Record<string, string>> {
  const fields = Object.entries(address).flatMap(([name, value]) => (value === null ? [] : [[name, value]]))
  return Object.fromEntries(fields)
}

/** What a request leaves out is nothing, in the tables. */
export function addressFieldsOf(
  body: Omit<AddressFields, 'line2' | 'region' | 'phone'> & {
    readonly line2?: string | undefined
    readonly region?: string | undefined
    readonly phone?: string | undefined
  },
): AddressFields {
  const { line2 = null, region = null, phone = null, ...rest } = body
  return { ...rest, line2, region, phone }
}
