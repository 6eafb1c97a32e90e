import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readDocument } from '../../src/document/yaml.ts'
import { defaultConfig } from '../../src/settings/default-config.ts'
import { printConfigSchema, printSettings } from '../../src/settings/print.ts'
import { loadSettings } from '../../src/settings/settings.ts'
import { fakeConnectors } from './fake-connectors.ts'

describe('config print', () => {
  const text = `access: { anonymous: true }
api: { token: in-the-file }
connectors:
  lake: { type: kafka, brokers: ["\${env:HOST}:1"], password: literal-pass, sasl: { mechanism: plain, token: in-a-branch } }
`

  it('D7: shows what is in effect and no secret, wherever it came from', async () => {
    const { effective, secrets } = await loadSettings({
      text,
      env: { HOST: 'kafka' },
      connectorSchemas: fakeConnectors,
    })
    const printed = printSettings(effective!, secrets)
    for (const secret of ['in-the-file', 'literal-pass', 'in-a-branch']) assert.ok(!printed.includes(secret), secret)
    assert.match(printed, /token: •••/)
    assert.match(printed, /linger_ms: 10/)
    assert.match(printed, /max_bytes: 10000000000/)
  })

  it('prints what the hub can read again', async () => {
    const first = await loadSettings({ text: defaultConfig, connectorSchemas: fakeConnectors })
    const printed = printSettings(first.effective!, first.secrets)
    const again = await loadSettings({ text: printed, connectorSchemas: fakeConnectors })
    assert.deepEqual(again.faults, [])
    assert.deepEqual(again.settings, first.settings)
  })
})

describe('config schema', () => {
  const schema = printConfigSchema(fakeConnectors)
  const validate = new Ajv2020({ strict: false, logger: false }).compile(schema)
  const accepts = (text: string) => validate(readDocument('', text).document.value)

  it('accepts the shipped file, with nothing but what is in it', () => assert.ok(accepts(defaultConfig)))

  it('knows the options of each connector type', () => {
    assert.ok(accepts('connectors: { lake: { type: kafka, brokers: ["a:1"] } }'))
    assert.ok(!accepts('connectors: { lake: { type: kafka } }'))
    assert.ok(!accepts('connectors: { lake: { type: file, brokers: ["a:1"] } }'))
    assert.ok(!accepts('connectors: { lake: { type: pigeon } }'))
  })

  it('knows every setting by name', () => assert.ok(!accepts('apis: {}')))
})
