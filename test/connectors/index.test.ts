import assert from 'node:assert/strict'
import { test } from 'node:test'
import Ajv from 'ajv'
import { quantities } from 'trestle/contract'
import { connectors } from '../../connectors/index.ts'
import { quantityPattern } from '../../src/settings/quantity.ts'

test('every connector of the list goes by its name, says what it does and has options that are a JSON Schema', async () => {
  // Words of ours that a validator must let pass.
  const ajv = new Ajv.default({
    strict: true,
    keywords: ['secret', 'quantity', 'unit', 'expects'],
    formats: { path: true },
    useDefaults: true,
    allowUnionTypes: true,
  })
  for (const [name, load] of Object.entries(connectors)) {
    const { default: connector } = await load()
    assert.equal(connector.type, name)
    assert.ok(connector.summary.length > 0)
    assert.ok(connector.createSink !== undefined || connector.createSource !== undefined)
    for (const schema of [connector.options, connector.targetOptions]) if (schema) ajv.compile(schema)
    assertDescribed(connector.options, name)
    assert.ok(
      connector.targetField === undefined || connector.targetField in propertiesOf(connector.targetOptions ?? {}),
    )
  }
})

const propertiesOf = (schema: object): Record<string, object> =>
  'properties' in schema ? (schema.properties as Record<string, object>) : {}

function assertDescribed(schema: object, place: string): void {
  for (const [name, field] of Object.entries(propertiesOf(schema))) {
    assert.ok('description' in field, `${place}.${name} is described`)
    assertDescribed(field, `${place}.${name}`)
  }
}

test('the units a connector’s schema takes are the ones the hub reads', () => {
  for (const kind of ['bytes', 'ms', 's'] as const) {
    assert.equal(quantities[kind].anyOf[1].pattern, quantityPattern(kind))
  }
})
