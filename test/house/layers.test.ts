import assert from 'node:assert/strict'
import { builtinModules } from 'node:module'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, type Import, importsOf, listed, place, textOf } from './source-files.ts'

/**
 * Who may import whom: downwards only, type imports count. A row names rooms (`contract`) and, where only one file of a
 * room may be used, that file (`journal/port.ts`). `*` is everything.
 */
const table: Record<string, readonly string[]> = {
  contract: [],
  topic: ['contract'],
  document: ['contract'],
  telemetry: ['contract'],
  settings: ['contract', 'document'],
  journal: ['contract'],
  outbox: ['contract', 'journal'],
  bridge: ['contract', 'outbox', 'telemetry', 'journal/port.ts'],
  registry: ['contract', 'topic', 'document'],
  engine: ['contract', 'topic', 'document'],
  broker: ['contract', 'topic', 'telemetry'],
  flow: ['contract', 'registry', 'engine', 'journal', 'broker/port.ts'],
  proving: ['contract', 'topic', 'document', 'engine', 'flow', 'journal', 'outbox', 'bridge', 'broker/port.ts'],
  api: ['contract', 'telemetry', 'registry', 'document/fault.ts'],
  cli: ['contract', 'document', 'settings', 'registry', 'engine', 'proving', 'hub', 'telemetry/report.ts'],
  hub: ['*'],
  index: ['contract', 'hub', 'settings', 'telemetry/report.ts'],
}

/** The one client library of each connector; a connector that is not named here has none. */
const clientLibraries: Record<string, readonly string[]> = {
  kafka: ['@platformatic/kafka'],
  nats: ['@nats-io/transport-node', '@nats-io/jetstream', '@nats-io/kv', '@nats-io/obj'],
}

/** `src/broker/port.ts` as room `broker` and file `broker/port.ts`; a file directly in `src` is a room of its own. */
const roomOf = (path: string): string => path.split('/')[1]!.replace(/\.ts$/, '')
const withinSrc = (path: string): string => path.slice('src/'.length)

function mayImport(from: string, target: string): boolean {
  const allowed = table[from] ?? []
  const room = roomOf(target)
  return room === from || allowed.includes('*') || allowed.includes(room) || allowed.includes(withinSrc(target))
}

describe('the layers', () => {
  const imports = filesBelow('src')
    .filter((file) => file.endsWith('.ts'))
    .flatMap(importsOf)

  it('are read from the sources: every import that stands in them', () => {
    const written = filesBelow('src').flatMap((file) => [
      ...textOf(file).matchAll(/^(import |export .*|\}.*) from '/gm),
    ])
    assert.ok(
      imports.length > 100 && imports.length >= written.length,
      `${imports.length} of ${written.length} imports`,
    )
  })

  it('give every room of src its row in the table', () => {
    const rooms = [...new Set(filesBelow('src').map(roomOf))].filter((room) => !(room in table) && room !== 'dashboard')
    assert.deepEqual(rooms, [], 'a new room needs a row in test/house/layers.test.ts and in docs/architecture.md')
  })

  it('let a room import only what is below it', () => {
    const wrong = imports.filter(({ file, target }) => target?.startsWith('src/') && !mayImport(roomOf(file), target))
    assert.equal(wrong.length, 0, listed('These rooms import what they may not:', wrong.map(told)))
  })

  it('let only the hub import connectors, and nobody tests, benches or the demo', () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        target !== null && !target.startsWith('src/') && !(roomOf(file) === 'hub' && target === 'connectors/index.ts'),
    )
    // package.json tells the version; it imports nothing.
    const outside = wrong.filter(({ target }) => target !== 'package.json')
    assert.equal(outside.length, 0, listed('These files reach out of src:', outside.map(told)))
  })

  it('let nobody import the command line', () => {
    const wrong = imports.filter(({ file, target }) => target?.startsWith('src/cli/') && roomOf(file) !== 'cli')
    assert.equal(wrong.length, 0, listed('These files import src/cli:', wrong.map(told)))
  })

  it('name every import with its ending, and every Node module with node:', () => {
    const wrong = imports.filter(({ specifier }) =>
      specifier.startsWith('.')
        ? !/\.(ts|json)$/.test(specifier)
        : !specifier.startsWith('node:') && builtinModules.includes(specifier),
    )
    assert.equal(wrong.length, 0, listed('These imports lack their ending or node: before it:', wrong.map(told)))
  })
})

describe('a connector', () => {
  const imports = filesBelow('connectors')
    .filter((file) => file.endsWith('.ts') && file !== 'connectors/index.ts')
    .flatMap(importsOf)

  it('imports the published contract, its own folder, Node and its one client library, and nothing else', () => {
    const wrong = imports.filter((one) => !connectorMay(one))
    assert.equal(wrong.length, 0, listed('These connectors import what a third party could not:', wrong.map(told)))
  })
})

function connectorMay({ file, specifier, target }: Import): boolean {
  const [, name = ''] = file.split('/')
  if (specifier === 'trestle/contract' || specifier.startsWith('node:')) return true
  if (target !== null) return target.startsWith(`connectors/${name}/`) && dirname(target) !== '.'
  return (clientLibraries[name] ?? []).some((library) => specifier === library || specifier.startsWith(`${library}/`))
}

const told = (one: Import): string => `${place(one)} imports ${one.specifier}`
