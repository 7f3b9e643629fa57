/** Where people live, each their own: an address of somebody else is as if there were none. */
import { addressesPerUserMax } from '../../../limits/account-limits.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { alone, change, type Query, row, rows } from '../query.ts'

export type AddressFields = {
  readonly name: string
  readonly line1: string
  readonly line2: string | null
  readonly city: string
  readonly region: string | null
  readonly postalCode: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly phone: string | null
}

export type Address = AddressFields & { readonly id: string }
type Owned = { readonly userId: string; readonly id: string }
export type AddressRefused<Reason extends string> = { readonly type: 'refused'; readonly reason: Reason }

const COLUMNS = 'id, name, line1, line2, city, region, postal_code AS "postalCode", country, phone'

export const addressOperations = {
  'addresses.list': read(
    ({ userId }: { readonly userId: string }): Query<readonly Address[]> =>
      rows<Address>(`SELECT ${COLUMNS} FROM addresses WHERE user_id = ? ORDER BY created_at_ms, id`, userId),
  ),
  'addresses.find': read(
    ({ userId, id }: Owned): Query<Address | undefined> =>
      row<Address>(`SELECT ${COLUMNS} FROM addresses WHERE id = ? AND user_id = ?`, id, userId),
  ),
  'addresses.add': write(
    (args: { readonly userId: string; readonly address: AddressFields }, moment: Moment) => add(args, moment),
  ),
  'addresses.replace': write((args: Owned & { readonly address: AddressFields }) => replace(args)),
  'addresses.remove': write(
    function* ({ userId, id }: Owned): Query<{ readonly removed: boolean }> {
      const removed = yield* change('DELETE FROM addresses WHERE id = ? AND user_id = ?', id, userId)
      return { removed: removed === 1 }
    },
    { isKept: ({ removed }) => removed },
  ),
}

function* add(
  { userId, address }: { readonly userId: string; readonly address: AddressFields },
  moment: Moment,
): Query<{ readonly type: 'added'; readonly address: Address } | AddressRefused<'addressesFull'>> {
  yield* alone('addresses', userId)
  const id = drawId('adr', moment)
  const { name, line1, line2, city, region, postalCode, country, phone } = address
  const added = yield* change(
    `INSERT INTO addresses
       (id, user_id, name, line1, line2, city, region, postal_code, country, phone, created_at_ms)
     SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS BIGINT)
      WHERE (SELECT count(*) FROM addresses WHERE user_id = ?) < ?`,
    ...[id, userId, name, line1, line2, city, region, postalCode, country, phone, moment.nowMs],
    userId,
    addressesPerUserMax,
  )
  if (added === 0) return { type: 'refused', reason: 'addressesFull' }
  return { type: 'added', address: { id, ...address } }
}

function* replace({
  userId,
  id,
  address,
}: Owned & { readonly address: AddressFields }): Query<
  { readonly type: 'replaced'; readonly address: Address } | AddressRefused<'unknownAddress'>
> {
  const { name, line1, line2, city, region, postalCode, country, phone } = address
  const replaced = yield* change(
    `UPDATE addresses
        SET name = ?, line1 = ?, line2 = ?, city = ?, region = ?, postal_code = ?, country = ?, phone = ?
      WHERE id = ? AND user_id = ?`,
    ...[name, line1, line2, city, region, postalCode, country, phone],
    id,
    userId,
  )
  if (replaced === 0) return { type: 'refused', reason: 'unknownAddress' }
  return { type: 'replaced', address: { id, ...address } }
}
