import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { HubProcess } from '../support/hub-process.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

interface Ran {
  exit: number
  out: string
  err: string
}

let hub: HubProcess

function trestle(...args: string[]): Promise<Ran> {
  const env = { ...process.env, TRESTLE_URL: `http://127.0.0.1:${hub.apiPort}`, NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=trestle-source', main, ...args], { env }, (error, out, err) => {
      resolve({ exit: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

const rule = (name: string) =>
  writeFileSync(join(hub.folder, 'rules', `${name}.yaml`), `from: ${name}/#\nto: [{ sink: ${name} }]\n`)

/** Connectors that come and go while the hub runs. */
describe('D6: the connectors of a running hub', () => {
  before(async () => {
    hub = await HubProcess.create({ connectors: { records: { type: 'file', path: '../out' } }, rules: {} })
    await hub.start()
  })
  after(() => hub.dispose())

  test('are probed step by step', async () => {
    const probe = await trestle('connectors', 'probe', 'records')
    assert.equal(probe.exit, 0, probe.err)
    assert.match(probe.out, /^write +ok +\d+ ms/m)
  })

  test('are refused with the places of their faults and the nearest legal word', async () => {
    const file = join(hub.folder, 'extra.yaml')
    writeFileSync(file, 'type: file\npaht: out\n')
    const { exit, err } = await trestle('connectors', 'add', 'extra', '--file', file)
    assert.equal(exit, 2)
    assert.match(err, /extra\.yaml:2:1 +E103 .*paht`.*\(did you mean `path`\?\)/)
    assert.match(err, /Nothing was changed\./)
    const typo = await trestle('connectors', 'add', 'extra', '--type', 'fiel')
    assert.match(typo.err, /E107 .*\(did you mean `file`\?\)/)
    assert.match((await trestle('connectors', 'add', 'Extra', '--type', 'file', '--set', 'path=x')).err, /E104/)
    assert.match((await trestle('connectors', 'add', 'records', '--type', 'file', '--set', 'path=x')).err, /E708/)
    assert.equal((await hub.status()).connectors.length, 1)
  })

  test('are added, run at once, and are there after a kill -9; from then on a rule may name them', async () => {
    const added = await trestle('connectors', 'add', 'extra', '--type', 'file', '--set', 'path=../extra')
    assert.equal(added.exit, 0, added.err)
    await hub.until(({ connectors }) => connectors.find(({ name }) => name === 'extra')?.state === 'connected')
    const shown = JSON.parse((await trestle('connectors', 'show', 'extra', '--json')).out)
    assert.deepEqual([shown.origin, shown.settings], ['run-time', { type: 'file', path: '../extra' }])
    assert.equal((await trestle('connectors', 'probe', 'extra')).exit, 0)
    assert.equal((await trestle('connectors', 'pause', 'extra')).exit, 0)
    assert.equal((await trestle('connectors', 'resume', 'extra')).exit, 0)
    await hub.kill()
    rule('extra')
    await hub.start()
    assert.equal((await trestle('publish', 'extra/1', '{}', '--qos', '1')).exit, 0)
    await hub.until(({ ledger }) => ledger.delivered === 1)
    assert.ok(existsSync(join(hub.folder, 'extra')))
    assert.equal((await trestle('status')).exit, 0)
  })

  test('are not removed while a rule names them, or the configuration', async () => {
    const named = await trestle('connectors', 'remove', 'extra')
    assert.equal(named.exit, 1)
    assert.match(named.err, /E708 .*rule extra \(.*extra\.yaml\) sends to extra/)
    assert.match((await trestle('connectors', 'remove', 'records')).err, /E708 .*in the configuration/)
    assert.equal((await trestle('connectors', 'remove', 'pond')).exit, 1)
  })

  test('are removed with what they are owed when one says so, counted, and do not come back', async () => {
    assert.equal((await trestle('connectors', 'pause', 'extra')).exit, 0)
    const publish = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"topic":"extra/1"}' }
    for (let n = 0; n < 3; n++) await fetch(`http://127.0.0.1:${hub.apiPort}/api/publish`, publish)
    await hub.until(({ ledger }) => ledger.pending === 3)
    await hub.kill()
    writeFileSync(join(hub.folder, 'rules', 'extra.yaml'), 'from: other\nto: [{ sink: records }]\n')
    // Its far side is away: what it is owed stays owed.
    writeFileSync(
      join(hub.folder, 'data', 'connectors.yaml'),
      'connectors: { extra: { type: file, path: ./trestle.yaml/out } }\n',
    )
    await hub.start()
    const refused = await trestle('connectors', 'remove', 'extra')
    assert.equal(refused.exit, 1)
    assert.match(refused.err, /E708 .*3 deliveries are still owed/)
    const removed = await trestle('connectors', 'remove', 'extra', '--discard')
    assert.equal(removed.out, 'extra is removed, 3 deliveries dropped.\n', removed.err)
    const { ledger, connectors } = await hub.until(({ ledger: { dropped } }) => dropped === 3)
    assert.deepEqual([ledger.pending, ledger.unaccounted, connectors.length], [0, 0, 1])
    assert.equal(connectors[0]!.name, 'records')
    assert.doesNotMatch(readFileSync(join(hub.folder, 'data', 'connectors.yaml'), 'utf8'), /extra:/)
    await hub.kill()
    await hub.start()
    await hub.until(({ ledger: { dropped, pending } }) => dropped === 3 && pending === 0)
    assert.equal((await hub.status()).connectors.length, 1)
  })

  test('do not show secrets that came with them, in answers or in the log', async () => {
    const set = ['--set', 'brokers=[127.0.0.1:1]', '--set', 'sasl.mechanism=plain', '--set', 'sasl.username=u']
    const args = ['connectors', 'add', 'lake', '--type', 'kafka', ...set, '--set', 'sasl.password=open-sesame-77']
    const added = await trestle(...args)
    assert.equal(added.exit, 0, added.err)
    const shown = await trestle('connectors', 'show', 'lake')
    assert.match(shown.out, /password: •••/)
    for (const text of [shown.out, added.out, hub.output]) assert.doesNotMatch(text, /open-sesame/)
    assert.equal((await trestle('connectors', 'remove', 'lake')).exit, 0)
  })
})
