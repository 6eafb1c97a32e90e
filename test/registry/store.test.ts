import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { register, setPolicy } from '../../src/registry/change.ts'
import { deleteSubject, deleteVersion } from '../../src/registry/deletion.ts'
import type { Registry } from '../../src/registry/registry.ts'
import type { SchemaReference } from '../../src/registry/schema.ts'
import { RegistryStore } from '../../src/registry/store.ts'

let folder = ''
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'trestle-registry-')), 'registry')
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))

const registration = (subject: string, schema: object, references: SchemaReference[] = []) => ({
  subject,
  schema: {
    format: 'json-schema',
    text: JSON.stringify(schema),
    references,
    metadata: null,
    ruleSet: null,
  } as const,
  normalize: false,
  id: null,
  version: null,
})

const add = (registry: Registry, subject: string, schema: object, references: SchemaReference[] = []): Registry =>
  register(registry, registration(subject, schema, references)).registry

/** What can be seen of a registry from outside. */
const seen = (registry: Registry) => ({
  subjects: registry
    .names(true)
    .map((name) => [
      name,
      registry
        .all(name)
        .map(({ version, deleted, content }) => [version, content.id, deleted, content.text, content.guid]),
    ]),
  policies: [...registry.state.policies],
  compatibility: registry.state.compatibility,
  mode: registry.state.mode,
  nextId: registry.state.nextId,
})

describe('a registry on disk', () => {
  it('is read back as it was, with what is deleted, what refers and what holds', async () => {
    const store = new RegistryStore(folder)
    let { registry } = store.load()
    registry = add(registry, '../odd name/ä', { type: 'number' })
    registry = add(registry, '__proto__', { properties: { n: { $ref: 'n' } } }, [
      { name: 'n', subject: '../odd name/ä', version: 1 },
    ])
    registry = add(registry, 't', { type: 'string' })
    registry = deleteVersion(registry, 't', 1, false).registry
    registry = setPolicy(registry, 't', { compatibility: 'FULL' }).registry
    registry = setPolicy(registry, null, { compatibility: 'NONE', mode: 'READONLY' }).registry
    await store.save(registry)
    const back = new RegistryStore(folder).load()
    assert.deepEqual(back.faults, [])
    assert.deepEqual(seen(back.registry), seen(registry))
    assert.equal(back.registry.resolve('__proto__')?.check({ n: 'x' })?.path, '/n')
    assert.deepEqual(readdirSync(folder).sort(), ['1.json', '2.json', '3.json', 'registry.json'])
  })

  it('follows the configuration’s level until one is set over the API', async () => {
    const store = new RegistryStore(folder, 'FORWARD')
    const { registry } = store.load()
    assert.equal(registry.state.compatibility, 'FORWARD')
    await store.save(add(registry, 't', {}))
    assert.equal(new RegistryStore(folder, 'FULL').load().registry.state.compatibility, 'FULL')
    await store.save(setPolicy(registry, null, { compatibility: 'NONE' }).registry)
    assert.equal(new RegistryStore(folder, 'FULL').load().registry.state.compatibility, 'NONE')
  })

  it('never gives an id again, nor keeps the text of what is deleted for good', async () => {
    const store = new RegistryStore(folder)
    let { registry } = store.load()
    registry = add(registry, 't', { type: 'number' })
    await store.save(registry)
    registry = deleteSubject(deleteSubject(registry, 't', false).registry, 't', true).registry
    await store.save(registry)
    assert.deepEqual(readdirSync(folder), ['registry.json'])
    const again = new RegistryStore(folder)
    registry = add(again.load().registry, 't', { type: 'string' })
    assert.equal(registry.resolve('t')?.id, 2)
  })

  it('tells a file that is damaged, changed, missing or newer, and starts from none of it', async () => {
    const store = new RegistryStore(folder)
    await store.save(add(store.load().registry, 't', { type: 'number' }))
    const index = join(folder, 'registry.json')
    const whole = readFileSync(index, 'utf8')
    const faultOf = () => new RegistryStore(folder).load().faults.map(({ code, message }) => `${code} ${message}`)
    writeFileSync(join(folder, '1.json'), '{}')
    assert.deepEqual(faultOf(), ['E301 the registry cannot be read: 1.json is not what was registered'])
    rmSync(join(folder, '1.json'))
    assert.match(faultOf()[0] ?? '', /ENOENT/)
    writeFileSync(index, whole.slice(0, 50))
    assert.match(faultOf()[0] ?? '', /cannot be read: .*JSON/)
    writeFileSync(index, whole.replace('"format": 1', '"format": 2'))
    assert.match(faultOf()[0] ?? '', /it is of format 2, and this hub knows 1/)
  })

  it('keeps what there was when it cannot be written', async () => {
    const store = new RegistryStore(folder)
    const { registry } = store.load()
    await store.save(add(registry, 't', { type: 'number' }))
    mkdirSync(join(folder, '2.json.new'))
    await assert.rejects(store.save(add(add(registry, 't', { type: 'number' }), 'u', {})), { code: 'E501' })
    assert.deepEqual(new RegistryStore(folder).load().registry.names(), ['t'])
  })

  it('has all that was answered after kill -9, and nothing by half', { timeout: 60_000 }, async () => {
    const writer = fileURLToPath(new URL('store-writer.ts', import.meta.url))
    const answered: string[] = []
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--conditions=trestle-source', writer, folder, String(round * 1000)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let text = ''
      const ended = new Promise((resolve) => child.once('close', resolve))
      let wanted = 10 + round * 7
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        wanted -= chunk.split('\n').length - 1
        if (wanted <= 0) child.kill('SIGKILL')
      })
      await ended
      answered.push(...text.split('\n').slice(0, -1))
      const { registry, faults } = new RegistryStore(folder).load()
      assert.deepEqual(faults, [])
      for (const line of answered) {
        const [subject = '', version, id, value] = line.split(' ')
        const entry = registry.all(subject).find((one) => one.version === Number(version))
        assert.equal(entry?.content.id, Number(id), line)
        assert.equal(entry?.content.text, `{"const": ${value}}`, line)
      }
      const ids = registry.names().flatMap((name) => registry.all(name).map(({ content }) => content.id))
      assert.equal(new Set(ids).size, ids.length)
    }
    assert.ok(answered.length > 60, `${answered.length} answers`)
  })
})
