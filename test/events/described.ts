/** The published description, held against what is told. */
import { Ajv } from 'ajv'
import * as assert from 'uvu/assert'
import { asyncApiDocument } from '../../src/events/async-api.ts'
import type { CloudEvent } from '../../src/events/cloud-event.ts'

type Schema = { readonly properties?: Readonly<Record<string, Schema>> }

const { components } = asyncApiDocument('0.0.0')
const ajv = new Ajv({ allErrors: true })
ajv.addFormat('date-time', (text: string) => text.endsWith('Z') && !Number.isNaN(Date.parse(text)))
const validators = new Map(
  Object.entries(components.messages).map(([type, { payload }]) => [type, ajv.compile(payload.schema)]),
)

export const describedTypes = new Set(validators.keys())

/** Throws unless an event is as the document says, and says nothing that the document does not. */
export function assertDescribed(event: CloudEvent): void {
  const { type } = event
  const validate = validators.get(type)
  assert.ok(validate !== undefined, `${type} is described`)
  const isValid = validate(event)
  assert.ok(isValid, `${JSON.stringify(event)}: ${ajv.errorsText(validate.errors)}`)
  const { properties = {} }: Schema = components.messages[type]?.payload.schema ?? {}
  assertNamed(event, properties, type)
  assertNamed(event.data, properties.data?.properties ?? {}, `${type} data`)
}

function assertNamed(value: object, properties: Readonly<Record<string, Schema>>, of: string): void {
  for (const [name, field] of Object.entries(value))
    assert.ok(field === undefined || name in properties, `${of}: ${name} is not described`)
}
