import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connectorList } from '../../docs/connector-list.ts'
import { defaultLimits } from '../../src/broker/limits.ts'
import { printFault } from '../../src/document/fault.ts'
import { checkAll } from '../../src/hub.ts'
import { defaultConfig } from '../../src/settings/default-config.ts'
import { loadSettings } from '../../src/settings/settings.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const env = {
  HOOK_SECRET: 'not-the-secret',
  KAFKA_PASSWORD: 'not-the-password',
  REDUCT_TOKEN: 'not-that-token',
  TRESTLE_TOKEN: 'not-the-token',
}
const examples = readdirSync(join(root, 'config/examples')).filter((name) => name.endsWith('.yaml'))

describe('what is shipped', () => {
  it('config/trestle.yaml is what runs when there is none', () => {
    assert.equal(readFileSync(join(root, 'config/trestle.yaml'), 'utf8'), defaultConfig)
  })

  it('config/trestle.yaml keeps its data beside the rules', async () => {
    const schemas = await connectorList()
    const { settings, faults } = await loadSettings({ cwd: root, connectorSchemas: schemas })
    assert.deepEqual(faults.map(printFault), [])
    assert.deepEqual(
      [settings!.data, settings!.rules, settings!.schemas],
      ['data', 'rules', 'schemas'].map((name) => join(root, name)),
    )
    assert.deepEqual(
      settings!.listeners.map(({ host, port }) => `${host}:${port}`),
      ['127.0.0.1:1883', '127.0.0.1:8083'],
    )
  })

  it('config/trestle.yaml moves with TRESTLE_DATA', async () => {
    const schemas = await connectorList()
    const { settings } = await loadSettings({ cwd: root, connectorSchemas: schemas, env: { TRESTLE_DATA: '/tmp/x' } })
    assert.equal(settings!.data, '/tmp/x')
    assert.equal(settings!.connectors['records']?.options['path'], '/tmp/x/out')
  })

  for (const name of examples) {
    it(`config/examples/${name} has no fault, nor has a rule or schema it names`, async () => {
      const file = join('config/examples', name)
      Object.assign(process.env, env)
      assert.deepEqual((await checkAll({ configFile: join(root, file) })).map(printFault), [])
      assert.match(
        readFileSync(join(root, file), 'utf8'),
        /^# yaml-language-server: \$schema=\.\.\/\.\.\/docs\/reference\/config\.schema\.json\n/,
      )
    })
  }

  it('the limits have the broker’s own defaults', async () => {
    const { settings } = await loadSettings({ cwd: root, text: 'listeners: []\n', connectorSchemas: new Map() })
    // What rules may keep is no concern of the broker's.
    const { maxStateBytes: _, ...ofBroker } = settings!.limits
    assert.deepEqual(ofBroker, defaultLimits)
  })
})
