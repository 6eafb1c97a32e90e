import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { RuleSet, type RuleText } from '../../src/engine/rule-set.ts'
import { RuleBook } from '../../src/hub/rule-book.ts'
import { Schemas } from '../../src/hub/schemas.ts'
import { draftVersion, register } from '../../src/registry/change.ts'
import { deleteSubject, deleteVersion } from '../../src/registry/deletion.ts'
import type { Registry } from '../../src/registry/registry.ts'
import { RegistryStore } from '../../src/registry/store.ts'
import { frameOf } from '../../src/registry/wire-format.ts'

const environment = () => ({
  sinks: new Map([['lake', { type: 'file', targetField: null, targetOptions: null }]]),
})

const rule = (name: string, schema: string, where: string): RuleText => ({
  file: `rules/${name}.yaml`,
  text: `from: ${name}/#\nschema: ${schema}\nwhere: ${where}\nto: [{ sink: lake }]\n`,
})

/** Open content, so that any set of fields follows any other. */
const text = (fields: Record<string, string>) =>
  JSON.stringify({
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, { type }])),
  })

const schemaOf = (fields: Record<string, string>) =>
  ({ format: 'json-schema', text: text(fields), references: [], metadata: null, ruleSet: null }) as const

const registering = (subject: string, fields: Record<string, string>) => (now: Registry) =>
  register(now, { subject, schema: schemaOf(fields), normalize: false, id: null, version: null })

let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'trestle-schemas-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

/** A hub's schemas over these rules, with a first version of `reading` and `other`. */
async function open(...texts: RuleText[]) {
  const store = new RegistryStore(join(data, 'registry'), 'NONE')
  let { registry } = store.load()
  for (const subject of ['reading', 'other'])
    registry = registering(subject, { n: 'number', note: 'string' })(registry).registry
  await store.save(registry)
  const { rules, faults } = RuleSet.load(texts, { ...environment(), registry })
  assert.deepEqual(faults, [])
  const puts: RuleSet[] = []
  const book = new RuleBook({
    rules: rules!,
    texts,
    registry,
    read: async () => ({ texts, registry: null, faults: [] }),
    environment,
    put: (next) => puts.push(next),
  })
  const events: string[] = []
  const schemas = new Schemas({
    book: () => book,
    source: { registry, faults: [], store, other: null, isNew: false },
    folder: 'schemas',
    refreshMs: 1000,
    events: { emit: (event, facts) => void events.push(`${event} ${facts?.['subject']}`) },
  })
  const kept = () => new RegistryStore(join(data, 'registry')).load().registry
  return { schemas, book, puts, events, kept }
}

describe('B7: schemas of a running hub', () => {
  test('take a version that the rules can live with, which the rules then go by', async () => {
    const { schemas, puts, book, events, kept } = await open(rule('a', 'reading', 'payload.n > 1'))
    const entry = await schemas.change(registering('reading', { n: 'number', more: 'boolean' }))
    assert.equal(entry.version, 2)
    assert.equal(puts.length, 1)
    assert.equal(puts[0]?.rules[0]?.schema?.version, 2)
    assert.equal(book.registry.resolve('reading')?.version, 2)
    assert.equal(kept().resolve('reading')?.version, 2)
    assert.deepEqual(events, ['schema.changed reading'])
  })

  test('refuse a version without a field that a rule reads, naming file, line and column; nothing has changed', async () => {
    const { schemas, puts, kept } = await open(
      rule('a', 'reading', 'payload.n > 1'),
      rule('b', 'other', 'payload.n > 1'),
    )
    const step = registering('reading', { m: 'number' })
    await assert.rejects(schemas.change(step), {
      code: 'E305',
      message: /rules\/a\.yaml:3:\d+ {2}E217 {2}.*`?n`?/,
    })
    assert.deepEqual(
      [puts.length, schemas.registry.resolve('reading')?.version, kept().resolve('reading')?.version],
      [0, 1, 1],
    )
    const [fault] = schemas.trial((now) => draftVersion(now, 'reading', schemaOf({ m: 'number' }), false))
    assert.deepEqual([fault?.file, fault?.line, fault?.code], ['rules/a.yaml', 3, 'E217'])
    assert.equal(schemas.registry.resolve('reading')?.version, 1)
  })

  test('refuse a version in which a field has another type', async () => {
    const { schemas } = await open(rule('a', 'reading', 'payload.n > 1'))
    await assert.rejects(schemas.change(registering('reading', { n: 'string' })), {
      code: 'E305',
      message: /rules\/a\.yaml:3:\d+ {2}E204/,
    })
  })

  test('refuse to delete what a rule names, and let go of it when no rule does', async () => {
    const { schemas } = await open(rule('a', 'reading@1', 'payload.n > 1'))
    await schemas.change(registering('reading', { m: 'number' }))
    await assert.rejects(
      schemas.change((now) => deleteVersion(now, 'reading', 1, false)),
      {
        code: 'E305',
        message: /rules\/a\.yaml:2:\d+ {2}E208/,
      },
    )
    await assert.rejects(
      schemas.change((now) => deleteSubject(now, 'reading', false)),
      { code: 'E305' },
    )
    assert.deepEqual(await schemas.change((now) => deleteVersion(now, 'reading', 2, false)), 2)
    assert.deepEqual(await schemas.change((now) => deleteSubject(now, 'other', false)), [1])
  })

  test('compile no rule anew for a subject that no rule names, whose ids the rules know all the same', async () => {
    const { schemas, puts, book } = await open(rule('a', 'reading', 'payload.n > 1'))
    const before = book.registry
    const entry = await schemas.change(registering('elsewhere', { x: 'number' }))
    assert.equal(puts.length, 0)
    assert.equal(before.unframe(frameOf(entry.content.id))?.schema.subject, 'elsewhere')
    assert.equal(before.resolve('elsewhere'), null)
  })

  test('are registered one at a time, however many ask at once', async () => {
    const { schemas, kept } = await open(rule('a', 'reading', 'payload.n > 1'))
    const asked = Array.from({ length: 20 }, (_, at) =>
      schemas.change(registering(`s${at % 5}`, { [`f${at}`]: 'number' })),
    )
    const ids = (await Promise.all(asked)).map(({ content }) => content.id)
    assert.equal(new Set(ids).size, 20)
    assert.equal(kept().names().length, 7)
  })

  test('survive a reload of the rules, which leaves them as they are', async () => {
    const { schemas, book } = await open(rule('a', 'reading', 'payload.n > 1'))
    const both = await Promise.all([
      schemas.change(registering('reading', { n: 'number', x: 'string' })),
      book.reload(),
    ])
    assert.equal(both[0].version, 2)
    assert.equal(book.registry.resolve('reading')?.version, 2)
    assert.equal(book.rules.rules[0]?.schema?.version, 2)
  })
})
