/** Where people live. An address of somebody else is as if there were none. */
import { addressBody, addressesReply, addressReply } from './account-schemas.ts'
import { addressFieldsOf, addressView, exampleAddress } from './account-view.ts'
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problems.ts'
import { empty, json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'

type Parts = Pick<HttpParts, 'tables'>

const ADDRESS_ID = /^adr_[0-9A-HJKMNP-TV-Z]{26}$/
const EXAMPLE = { id: 'adr_01K5ZC4N8XQ2M7V3H9R6T1B0DW', ...exampleAddress }

export function addressRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: LIST, handle: (call) => listAddresses(parts, call) },
    { operation: ADD, handle: (call) => addAddress(parts, call) },
    { operation: REPLACE, handle: (call) => replaceAddress(parts, call) },
    { operation: REMOVE, handle: (call) => removeAddress(parts, call) },
  ]
}

const LIST: Operation = {
  method: 'get',
  path: '/v1/me/addresses',
  operationId: 'listAddresses',
  tag: 'Accounts',
  summary: 'List your addresses',
  access: 'person',
  success: {
    status: 200,
    description: 'All of them, the oldest first.',
    schema: addressesReply,
    example: { addresses: [EXAMPLE] },
  },
  problems: [],
}

async function listAddresses({ tables }: Parts, call: Call): Promise<Response> {
  const addresses = await tables.read('addresses.list', { userId: callerOf(call) })
  return json(call, 200, { addresses: addresses.map(addressView) })
}

const ADD: Operation = {
  method: 'post',
  path: '/v1/me/addresses',
  operationId: 'addAddress',
  tag: 'Accounts',
  summary: 'Add an address',
  access: 'person',
  changes: true,
  body: { schema: addressBody, example: exampleAddress },
  success: {
    status: 201,
    description: 'The address.',
    schema: addressReply,
    example: EXAMPLE,
    headers: ['Location', 'Holdfast-Position'],
  },
  problems: ['addresses-full'],
}

async function addAddress({ tables }: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, addressBody)
  const args = { userId: callerOf(call), address: addressFieldsOf(body) }
  const reply = await tables.write('addresses.add', args, tableKey(call, body))
  if (reply.type === 'refused') {
    throw new Problem('addresses-full', 'There are as many addresses as one person may have.')
  }
  const location = `/v1/me/addresses/${reply.address.id}`
  return json(call, 201, addressView(reply.address), withReplay({ ...TABLES_POSITION, location }, reply))
}

const REPLACE: Operation = {
  method: 'put',
  path: '/v1/me/addresses/{id}',
  operationId: 'replaceAddress',
  tag: 'Accounts',
  summary: 'Replace an address',
  description: 'The whole of it: what is left out is gone. Orders keep the address they were made with.',
  access: 'person',
  changes: true,
  body: { schema: addressBody, example: exampleAddress },
  success: {
    status: 200,
    description: 'The address as it is now.',
    schema: addressReply,
    example: EXAMPLE,
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-address'],
}

async function replaceAddress({ tables }: Parts, call: Call): Promise<Response> {
  const id = addressIdOf(call)
  const body = await readBody(call, addressBody)
  const args = { userId: callerOf(call), id, address: addressFieldsOf(body) }
  const reply = await tables.write('addresses.replace', args, tableKey(call, body))
  if (reply.type === 'refused') throw unknownAddress()
  return json(call, 200, addressView(reply.address), withReplay(TABLES_POSITION, reply))
}

const REMOVE: Operation = {
  method: 'delete',
  path: '/v1/me/addresses/{id}',
  operationId: 'removeAddress',
  tag: 'Accounts',
  summary: 'Remove an address',
  access: 'person',
  changes: true,
  success: { status: 204, description: 'The address is gone.', headers: ['Holdfast-Position'] },
  problems: ['unknown-address'],
}

async function removeAddress({ tables }: Parts, call: Call): Promise<Response> {
  const args = { userId: callerOf(call), id: addressIdOf(call) }
  const reply = await tables.write('addresses.remove', args, tableKey(call, {}))
  if (!reply.removed) throw unknownAddress()
  return empty(call, withReplay(TABLES_POSITION, reply))
}

/** Throws 404: what cannot be an id names nothing. */
function addressIdOf({ context }: Call): string {
  const id = context.req.param('id') ?? ''
  if (!ADDRESS_ID.test(id)) throw unknownAddress()
  return id
}

function unknownAddress(): Problem {
  return new Problem('unknown-address', 'There is no such address.')
}

/** Whoever a call is let through as a person has an id. */
function callerOf({ principal }: Call): string {
  return principal?.callerId ?? ''
}
