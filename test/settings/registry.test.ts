import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { printFault } from '../../src/document/fault.ts'
import { readLevel } from '../../src/registry/policy.ts'
import { settingsSchema } from '../../src/settings/schema.ts'
import { loadSettings } from '../../src/settings/settings.ts'
import { fakeConnectors } from './fake-connectors.ts'

const load = (text: string) =>
  loadSettings({
    file: '/hub/config/trestle.yaml',
    text: `access: { anonymous: true }\n${text}`,
    connectorSchemas: fakeConnectors,
    cwd: '/hub',
  })
const faultsOf = async (text: string) => (await load(text)).faults.map(printFault)

describe('the settings of the registry', () => {
  it('are those of files when nothing is said', async () => {
    const { settings } = await load('')
    assert.deepEqual(settings?.registry, { type: 'files', compatibility: 'backward', refreshMs: 60_000 })
  })

  it('name another registry by its address, and keep its password', async () => {
    const { settings, secrets } = await load(
      'registry: { type: confluent, url: "http://registry:8081", username: hub, password: so-secret, refresh_ms: 10 s }',
    )
    assert.equal(settings?.registry.url, 'http://registry:8081')
    assert.equal(settings?.registry.refreshMs, 10_000)
    assert.deepEqual([...secrets], ['so-secret'])
  })

  it('tell an address that is missing, or that nobody asks', async () => {
    assert.deepEqual(await faultsOf('registry: { type: confluent }'), [
      'config/trestle.yaml:2:19  E109  registry: `confluent` needs the `url` of the other registry',
    ])
    assert.deepEqual(await faultsOf('registry: { type: api, url: "http://registry" }'), [
      'config/trestle.yaml:2:29  E109  registry: only `type: confluent` has a url',
    ])
    assert.match((await faultsOf('registry: { type: confluant }'))[0] ?? '', /E104 .*did you mean `confluent`/)
    assert.match((await faultsOf('registry: { type: confluent, url: registry }'))[0] ?? '', /E104/)
  })

  it('know every level that the registry knows', () => {
    const words = (settingsSchema.properties.registry.properties.compatibility as unknown as { enum: string[] }).enum
    assert.equal(words.length, 7)
    for (const word of words) assert.equal(readLevel(word), word.toUpperCase())
  })
})
