import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { emptyState, Registry } from '../../src/registry/registry.ts'
import { type Served, serve, until } from '../api/fake-hub.ts'
import { FakeTerminal, runCli } from './fake-terminal.ts'

const avro = (...fields: string[]) =>
  JSON.stringify({ type: 'record', name: 'Reading', fields: fields.map((name) => ({ name, type: 'double' })) })

describe('trestle schemas', () => {
  let served: Served
  let folder: string
  const cli = (args: string[], terminal = new FakeTerminal()) => {
    terminal.env = { ...terminal.env, TRESTLE_URL: served.api.url }
    return runCli(['schemas', ...args], terminal)
  }
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  before(async () => {
    served = await serve()
    folder = mkdtempSync(join(tmpdir(), 'trestle-schemas-'))
  })
  after(async () => {
    await served.api.stop()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    served.hub.schemas.registry = new Registry({ ...emptyState, nextId: 1 })
    served.hub.schemas.registry.take()
    served.hub.schemas.faults = []
  })

  it('adds, lists and shows', async () => {
    assert.equal((await cli(['list'])).out, 'No schemas.\n')
    const added = await cli(['add', 'reading', file('1.avsc', avro('n', 'm'))])
    assert.deepEqual(added, { exit: 0, out: 'reading@1 is registered, id 1.\n', err: '' })
    await cli(['add', 'reading', file('2.avsc', avro('n'))])
    await cli(['add', 'plant/line', file('1.json', '{"type":"number"}')])
    const { out } = await cli(['list'])
    assert.match(out, /^plant\/line +JSON +1 +1 +3$/m)
    assert.match(out, /^reading +AVRO +2 +2 +2$/m)
    assert.match(out, /2 subjects; new versions are held to backward/)
    assert.equal(JSON.parse((await cli(['list', '--json'])).out).items.length, 3)
    const shown = await cli(['show', 'reading@1'])
    assert.match(shown.out, /^reading@1\n {2}type +AVRO\n {2}id +1\n {2}guid +[0-9a-f-]{36}\n/)
    assert.equal((await cli(['show', 'reading', '--text'])).out, `${avro('n')}\n`)
    assert.equal((await cli(['show', 'reading@latest', '--text'])).out, `${avro('n')}\n`)
    assert.equal(JSON.parse((await cli(['show', 'plant/line', '--json'])).out).version, 1)
  })

  it('tells what is not there, and what is no schema, with code and exit', async () => {
    const missing = await cli(['show', 'nothing'])
    assert.deepEqual([missing.exit, missing.err], [1, "E306  Subject 'nothing' not found.\n"])
    const broken = await cli(['add', 'reading', file('b.avsc', '{"type": "recrod"}')])
    assert.equal(broken.exit, 2)
    assert.match(broken.err, /^E302 {2}Invalid schema of type AVRO, details: /)
    assert.match((await cli(['add', 'reading', 'x.txt'])).err, /^E703 {2}x\.txt is no schema/)
    assert.match((await cli(['add', 'reading', '/nowhere/x.avsc'])).err, /^E301 /)
    assert.match(
      (await cli(['add', 'a', file('1.json', '{}'), '--reference', 'x'])).err,
      /^E703 {2}'x' is no reference/,
    )
  })

  it('checks against earlier versions and the rules, and exits accordingly', async () => {
    const first = file('1.avsc', avro('n'))
    await cli(['add', 'reading', first])
    assert.deepEqual(await cli(['check', 'reading', first]), {
      exit: 0,
      out: `${first} may follow in reading.\n`,
      err: '',
    })
    const wider = await cli(['check', 'reading', file('2.avsc', avro('n', 'm'))])
    assert.equal(wider.exit, 1)
    assert.match(wider.out, /may not follow in reading:\n.*READER_FIELD_MISSING_DEFAULT_VALUE/)
    served.hub.schemas.faults = [{ file: 'rules/a.yaml', line: 3, column: 8, code: 'E217', message: 'unknown field' }]
    const ruled = await cli(['check', 'reading', file('3.avsc', '{"type":"record","name":"Reading","fields":[]}')])
    assert.equal(ruled.exit, 1)
    assert.match(ruled.out, /rules\/a\.yaml:3:8/)
    assert.equal(
      JSON.parse((await cli(['check', 'reading', file('3.avsc', '"int"'), '--json'])).out).is_compatible,
      false,
    )
  })

  it('compares two versions, or a version with a file, level by level', async () => {
    await cli(['add', 'reading', file('1.avsc', avro('n', 'm'))])
    await cli(['add', 'reading', file('2.avsc', avro('n'))])
    const { out } = await cli(['diff', 'reading@1', 'reading'])
    assert.match(
      out,
      /^backward {2}yes\nforward {3}no\n {10}\S+ {2}READER_FIELD_MISSING_DEFAULT_VALUE.*\nfull {6}no\n$/,
    )
    const { verdicts } = JSON.parse((await cli(['diff', 'reading', file('1.avsc', avro('n', 'm')), '--json'])).out)
    assert.deepEqual(
      verdicts.map(({ compatible }: { compatible: boolean }) => compatible),
      [false, true, false],
    )
  })

  it('refers to other schemas', async () => {
    await cli(['add', 'part', file('part.json', '{"type":"number"}')])
    const whole = file('whole.json', '{"properties":{"n":{"$ref":"part.json"}}}')
    assert.equal((await cli(['add', 'whole', whole])).exit, 2)
    assert.equal((await cli(['add', 'whole', whole, '--reference', 'part.json=part@1'])).exit, 0)
    assert.match((await cli(['show', 'whole'])).out, /refers to +part@1 as part\.json/)
    assert.equal((await cli(['diff', 'whole', 'whole'])).exit, 0)
  })

  it('drafts a schema from lines on standard input', async () => {
    const terminal = new FakeTerminal()
    terminal.stdin =
      '{"n":1,"at":"2026-11-20T10:00:00Z"}\n\nnonsense\n{"n":1.5,"at":"2026-11-20T10:00:01Z","note":"x"}\n'
    terminal.isTty = true
    const { out, err } = await cli(['infer'], terminal)
    assert.deepEqual(JSON.parse(out), {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { n: { type: 'number' }, at: { type: 'string', format: 'date-time' }, note: { type: 'string' } },
      required: ['n', 'at'],
    })
    assert.equal(err, 'drafted from 2 messages; 1 message passed over, which is no JSON\n')
    assert.match((await cli(['infer'])).err, /^E703 {2}there is no message/)
    const lines = file('no.jsonl', 'nonsense\n{bad\n')
    assert.match((await cli(['infer', lines])).err, /from; 2 messages passed over, which are no JSON/)
  })

  it('drafts a schema from a file, as Avro', async () => {
    const { out } = await cli([
      'infer',
      file('a.jsonl', '{"n":1}\n{"n":2,"s":null}\n'),
      '--format',
      'avro',
      '--name',
      'reading',
    ])
    const draft = JSON.parse(out)
    assert.equal(draft.name, 'Reading')
    const added = await cli(['add', 'drafted', file('draft.avsc', out)])
    assert.equal(added.err, '')
  })

  it('drafts a schema from live messages', async () => {
    const terminal = new FakeTerminal()
    const running = cli(['infer', '--topic', 'plants/#', '--count', '2'], terminal)
    await until(() => served.hub.subscribers.has('plants/#'), 'a subscription')
    for (const text of ['{"n":1}', 'no', '{"n":2}']) served.hub.send('plants/#', 'plants/oslo', Buffer.from(text))
    const { out, exit } = await running
    assert.equal(exit, 0)
    assert.deepEqual(JSON.parse(out).required, ['n'])
  })
})
