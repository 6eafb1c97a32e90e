import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { TrestleError } from '../../src/contract/error.ts'
import {
  deadLetter,
  type FakeHub,
  fineReport,
  publishedWith,
  type Served,
  sampleReport,
  serve,
  until,
} from '../api/fake-hub.ts'
import { FakeTerminal, runCli } from './fake-terminal.ts'

describe('commands that speak to a running hub', () => {
  let served: Served
  let hub: FakeHub
  const cli = (args: string[], terminal = new FakeTerminal()) => {
    terminal.env = { ...terminal.env, TRESTLE_URL: served.api.url }
    return runCli(args, terminal)
  }

  before(async () => {
    served = await serve()
  })
  after(() => served.api.stop())
  beforeEach(() => {
    hub = served.hub
    hub.current = fineReport()
    hub.receipt = { outcome: 'stored', error: null, place: null }
    hub.letters = [deadLetter()]
    hub.calls.length = 0
    hub.published.length = 0
  })

  it('D1: status exits 0 when all is fine and 1 when a connector is down', async () => {
    const fine = await cli(['status'])
    assert.equal(fine.exit, 0)
    assert.match(fine.out, /^lake +kafka +connected/m)
    hub.current = sampleReport()
    const down = await cli(['status'])
    assert.equal(down.exit, 1)
    assert.match(down.out, /^archive +reductstore +retrying/m)
    assert.equal(down.err, '')
  })

  it('A8: status exits 1 when the ledger does not balance', async () => {
    hub.current.ledger.unaccounted = 1
    const { exit, out } = await cli(['status'])
    assert.equal(exit, 1)
    assert.match(out, /← does not balance/)
  })

  it('status --json is the report with raw numbers, and exits the same', async () => {
    hub.current = sampleReport()
    const { exit, out } = await cli(['status', '--json'])
    assert.equal(exit, 1)
    assert.deepEqual(JSON.parse(out), sampleReport())
  })

  it('status of one connector judges that one alone', async () => {
    hub.current = sampleReport()
    const lake = await cli(['status', 'lake'])
    assert.equal(lake.exit, 0)
    assert.match(lake.out, /^lake {3}kafka\n {2}state +connected for 3 d$/m)
    assert.equal((await cli(['status', 'archive'])).exit, 1)
    assert.equal(JSON.parse((await cli(['status', 'lake', '--json'])).out).name, 'lake')
    const missing = await cli(['status', 'pond'])
    assert.equal(missing.exit, 1)
    assert.equal(missing.err, "E702  there is no connector 'pond'\n      there are: lake, archive, orders\n")
  })

  it('status --rules shows the ledger of each rule', async () => {
    assert.match((await cli(['status', '--rules'])).out, /^line-telemetry +10,000 +9,000/m)
  })

  it('status --watch prints table after table until it is interrupted', async () => {
    const terminal = new FakeTerminal()
    const running = cli(['status', '--watch'], terminal)
    await until(() => terminal.written.split('CONNECTOR').length > 2, 'a second table')
    terminal.interrupt()
    const { exit, out } = await running
    assert.equal(exit, 0)
    assert.match(out, /unaccounted 0\n\ntrestle 0\.1\.0 on/)
  })

  it('status --watch redraws in place on a terminal, never wider than it', async () => {
    const terminal = new FakeTerminal()
    terminal.isTty = true
    terminal.columns = 60
    const running = cli(['status', '--watch'], terminal)
    await until(() => terminal.written.includes('\x1b[7A\r'), 'the cursor to go back over the 7 lines')
    terminal.interrupt()
    const { out } = await running
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    for (const line of out.replace(/\x1b\[\d*[A-Z]/g, '').split('\n')) assert.ok(line.length <= 61, line)
  })

  it('publish sends text, a file or standard input, with its properties, and says what became of it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trestle-cli-'))
    await writeFile(join(folder, 'photo'), Buffer.from([0, 255]))
    const text = await cli([
      'publish',
      'a/b',
      'grüß',
      '-q',
      '2',
      '--retain',
      '-p',
      'x=1=2',
      '-p',
      'x=2',
      '--expires',
      '60',
    ])
    assert.match(text.out, /^stored {3}a\/b, 6 bytes, \d+ ms\n$/)
    await cli(['publish', 'a/b', `@${join(folder, 'photo')}`, '--content-type', 'image/jpeg'])
    const terminal = new FakeTerminal()
    terminal.stdin = 'from stdin'
    await cli(['publish', 'a/b', '-', '-q', '0'], terminal)
    await cli(['publish', 'a/b'])
    await rm(folder, { recursive: true })
    assert.deepEqual(
      hub.published.map(({ payload, ...rest }) => ({ ...rest, payload: Buffer.from(payload).toString('latin1') })),
      [
        {
          topic: 'a/b',
          payload: Buffer.from('grüß').toString('latin1'),
          qos: 2,
          retain: true,
          properties: {
            user: [
              ['x', '1=2'],
              ['x', '2'],
            ],
            expirySeconds: 60,
          },
        },
        { topic: 'a/b', payload: '\x00\xff', qos: 1, retain: false, properties: { contentType: 'image/jpeg' } },
        { topic: 'a/b', payload: 'from stdin', qos: 0, retain: false, properties: null },
        { topic: 'a/b', payload: '', qos: 1, retain: false, properties: null },
      ],
    )
  })

  it('publish tells a refusal with its code and the exit code of the table', async () => {
    hub.receipt = { outcome: 'refused', place: null, error: new TrestleError('E401', '/temperature must be number') }
    assert.deepEqual(await cli(['publish', 'a', '{}']), {
      exit: 1,
      out: '',
      err: 'E401  /temperature must be number\n',
    })
    hub.receipt = { outcome: 'failed', place: null, error: new TrestleError('E504', 'no space left on device') }
    assert.equal((await cli(['publish', 'a', '{}'])).exit, 3)
    assert.match((await cli(['publish', 'a', '@/no/such/file'])).err, /^E703 {2}the payload cannot be read/)
  })

  it('publish --json has the receipt with raw numbers', async () => {
    hub.receipt = { outcome: 'delivered', error: null, place: 'orders-3@1042' }
    const { tookMs, ...rest } = JSON.parse((await cli(['publish', 'a', 'x', '--json'])).out)
    assert.deepEqual(rest, { topic: 'a', payloadBytes: 1, outcome: 'delivered', place: 'orders-3@1042' })
    assert.equal(typeof tookMs, 'number')
  })

  it('subscribe prints messages, a line each, and ends after --count', async () => {
    const running = cli(['subscribe', 'plants/#', '--count', '2'])
    await until(() => hub.subscribers.has('plants/#'), 'the subscription')
    hub.send('plants/#', 'plants/oslo', Buffer.from('{"t":\x20"21\\n"}\n'))
    hub.send('plants/#', 'plants/\x1bx', Buffer.from([0, 255]))
    hub.send('plants/#', 'plants/late', Buffer.from('late'))
    const { exit, out } = await running
    assert.equal(exit, 0)
    assert.equal(out, 'plants/oslo  {"t": "21\\n"}\\n\nplants/\\x1bx  (2 B) AP8=\n')
    await until(() => hub.subscribers.size === 0, 'the hub to forget it')
  })

  it('subscribe --json prints one object per line, and an interrupt ends it well', async () => {
    const terminal = new FakeTerminal()
    const running = cli(['subscribe', '#', '--json'], terminal)
    await until(() => hub.subscribers.has('#'), 'the subscription')
    hub.send('#', 'a', Buffer.from('1'))
    await until(() => terminal.written.includes('\n'), 'the message')
    terminal.interrupt()
    const { exit, out } = await running
    assert.equal(exit, 0)
    assert.equal(JSON.parse(out).payloadText, '1')
  })

  it('subscribe to what is no filter is told with its code', async () => {
    const { exit, err } = await cli(['subscribe', 'a/##'])
    assert.equal(exit, 1)
    assert.match(err, /^E405 /)
  })

  it('dead-letters list is a table with how to see the next page', async () => {
    hub.letters = Array.from({ length: 3 }, (_, index) =>
      deadLetter({ id: `${index}-0`, error: { code: 'E605', message: 'bad\x1bword' } }),
    )
    const { exit, out } = await cli(['dead-letters', 'list', '--sink', 'lake', '--limit', '2'])
    assert.equal(exit, 0)
    assert.deepEqual(hub.calls, [['list', { sink: 'lake', limit: 2 }]])
    const lines = out.split('\n')
    assert.match(lines[0]!, /^ID +AGE +SINK +RULE +TRIES +TOPIC +CODE +ERROR$/)
    assert.match(lines[1]!, /^0-0 .* lake +line-telemetry +1 +plants\/oslo\/lines\/3\/telemetry +E605 +bad\\x1bword$/)
    assert.equal(lines[4], '2 of 3 dead letters; the next: trestle dead-letters list --after 1-0')
    const page = JSON.parse((await cli(['dead-letters', 'list', '--json'])).out)
    assert.equal(page.total, 3)
    hub.letters = []
    assert.equal((await cli(['dead-letters', 'list'])).out, 'No dead letters.\n')
  })

  it('dead-letters show has everything, bytes that are no text as hex', async () => {
    const text = (await cli(['dead-letters', 'show', '18422-0'])).out
    for (const part of [
      /error +E605 {2}record of 2,000,000 bytes/,
      /header line +3/,
      /payload as published, 19 B\n\{"temperature": 21\}/,
    ]) {
      assert.match(text, part)
    }
    hub.letters = [deadLetter({ message: publishedWith(Buffer.from([0, 1, 65, 255])) })]
    assert.match(
      (await cli(['dead-letters', 'show', '18422-0'])).out,
      /published, 4 B\n00000000 {2}00 01 41 ff +\.\.A\.\n\npayload as the rule shaped it, 19 B\n\{/,
    )
    const missing = await cli(['dead-letters', 'show', 'none'])
    assert.equal(missing.exit, 1)
    assert.equal(missing.err, "E702  there is no dead letter 'none'\n")
  })

  it('A6: dead-letters replay and discard want a choice and say how many', async () => {
    assert.equal((await cli(['dead-letters', 'replay', '--sink', 'lake'])).out, '1,000 dead letters replayed.\n')
    assert.equal((await cli(['dead-letters', 'discard', '18422-0'])).out, '1 dead letter discarded.\n')
    assert.deepEqual(hub.calls, [
      ['replay', { sink: 'lake' }],
      ['discard', { ids: ['18422-0'] }],
    ])
    const unclear = await cli(['dead-letters', 'discard'])
    assert.equal(unclear.exit, 2)
    assert.equal(hub.calls.length, 2)
    assert.deepEqual(JSON.parse((await cli(['dead-letters', 'replay', '--all', '--json'])).out), {
      error: null,
      replayed: 1000,
    })
    assert.equal((await cli(['dead-letters', 'replay', 'no-such'])).exit, 1)
  })

  it('a replay that ended early says why and how far it came', async () => {
    hub.replayFault = { code: 'E504', message: 'no space left on device' }
    const early = await cli(['dead-letters', 'replay', '--all'])
    hub.replayFault = null
    assert.deepEqual(early, {
      exit: 3,
      out: '12 dead letters replayed.\n',
      err: 'E504  no space left on device; the rest stay dead letters\n',
    })
  })

  it('D6: connectors are listed, and shown with their settings', async () => {
    const list = await cli(['connectors', 'list'])
    assert.match(list.out, /^lake +kafka +connected/m)
    assert.equal(JSON.parse((await cli(['connectors', 'list', '--json'])).out).items.length, 2)
    const shown = await cli(['connectors', 'show', 'lake'])
    assert.match(shown.out, /settings \(added at run time\)\n {2}type: kafka\n {2}password: •••/)
    const { origin, settings, name } = JSON.parse((await cli(['connectors', 'show', 'lake', '--json'])).out)
    assert.deepEqual([name, origin, settings.type], ['lake', 'run-time', 'kafka'])
    assert.equal((await cli(['connectors', 'show', 'pond'])).exit, 1)
  })

  it('D1: a connector with several ways shows each', async () => {
    const way = { sinceMs: 0, why: null, perS: 7, retries: 2, lastError: null }
    hub.current.connectors[0]!.ways = [
      { ...way, kind: 'sink', name: 'sink', state: 'connected' },
      { ...way, kind: 'source', name: 'source 1', state: 'connected' },
      { ...way, kind: 'source', name: 'source 2', state: 'failing', why: 'the queue is gone' },
    ]
    for (const args of [['status'], ['connectors', 'list'], ['status', 'lake'], ['connectors', 'show', 'lake']]) {
      const { out } = await cli(args)
      assert.match(out, /^ {2}sink +connected/m)
      assert.match(out, /^ {2}source 2 +failing.*the queue is gone$/m)
    }
  })

  it('B9: reload tells which rules are new, changed and gone', async () => {
    const { exit, out } = await cli(['reload'])
    assert.equal(exit, 0)
    assert.equal(out, '3 rules loaded\n  added    frost\n  changed  line-telemetry\n')
    assert.deepEqual(hub.calls, [['reload']])
    const asJson = JSON.parse((await cli(['reload', '--json'])).out)
    assert.deepEqual(asJson, { rules: 3, added: ['frost'], changed: ['line-telemetry'], removed: [] })
  })

  it('B9: a reload that is refused tells every fault, and that nothing has changed', async () => {
    const fault = { file: 'rules/frost.yaml', line: 2, column: 3, code: 'E201' as const, message: 'unknown field `tp`' }
    const detail = { faults: [{ ...fault, suggestion: 'to' }, fault] }
    hub.reloadFault = new TrestleError('E201', 'x', { detail })
    const { exit, err } = await cli(['reload'])
    hub.reloadFault = null
    assert.equal(exit, 2)
    assert.match(err, /^rules\/frost\.yaml:2:3 {2}E201 {2}unknown field `tp` \(did you mean `to`\?\)$/m)
    assert.match(err, /2 faults\. Nothing was changed\./)
  })

  it('D6: connectors are added by type and options, or by a file', async () => {
    const added = await cli([
      'connectors',
      'add',
      'pond',
      '--type',
      'kafka',
      '--set',
      'brokers=[a:1]',
      '--set',
      'tls.ca=x',
    ])
    assert.equal(added.exit, 0, added.err)
    assert.match(added.out, /^pond {3}kafka/)
    assert.deepEqual(hub.calls.at(-1), [
      'add',
      { name: 'pond', type: 'kafka', set: { brokers: '[a:1]', 'tls.ca': 'x' } },
    ])
    const folder = await mkdtemp(join(tmpdir(), 'trestle-entry-'))
    const file = join(folder, 'lake.yaml')
    await writeFile(file, 'type: kafka\n')
    assert.equal((await cli(['connectors', 'add', 'second', '--file', file])).exit, 0)
    assert.deepEqual(hub.calls.at(-1), ['add', { name: 'second', text: 'type: kafka\n', file }])
    assert.equal((await cli(['connectors', 'add', 'third', '--file', join(folder, 'none')])).exit, 2)
    assert.equal((await cli(['connectors', 'add', 'third'])).exit, 2)
    await rm(folder, { recursive: true })
  })

  it('D6: what is wrong with a connector is told as the check of the configuration tells it', async () => {
    const fault = { file: 'lake.yaml', line: 2, column: 1, code: 'E103', message: 'unknown setting `broker`' }
    hub.addFault = new TrestleError('E103', 'x', { detail: { faults: [{ ...fault, suggestion: 'brokers' }] } })
    const { exit, err } = await cli(['connectors', 'add', 'pond', '--type', 'kafka'])
    hub.addFault = null
    assert.equal(exit, 2)
    assert.equal(
      err,
      'lake.yaml:2:1  E103  unknown setting `broker` (did you mean `brokers`?)\n1 fault. Nothing was changed.\n',
    )
  })

  it('D6: a connector that is owed something is removed only by one who says so', async () => {
    hub.current.connectors[0]!.waiting = { messages: 3, bytes: 9, oldestMs: null }
    const script = await cli(['connectors', 'remove', 'lake'])
    assert.equal(script.exit, 0, script.err)
    assert.deepEqual(hub.calls.at(-1), ['remove', 'lake', { discard: false }])
    hub.current = fineReport()
    hub.current.connectors[0]!.waiting = { messages: 3, bytes: 9, oldestMs: null }
    const person = new FakeTerminal()
    person.isTty = true
    person.stdin = 'n'
    assert.equal((await cli(['connectors', 'remove', 'lake'], person)).exit, 1)
    person.stdin = 'y'
    const { exit, out } = await cli(['connectors', 'remove', 'lake'], person)
    assert.equal(exit, 0)
    assert.match(out, /3 deliveries to lake would be dropped\. Go on\?.*lake is removed, 3 deliveries dropped\.\n$/s)
    assert.deepEqual(hub.calls.at(-1), ['remove', 'lake', { discard: true }])
  })

  it('connectors are paused, resumed and probed', async () => {
    assert.match((await cli(['connectors', 'pause', 'lake'])).out, /state +paused/)
    assert.match((await cli(['connectors', 'resume', 'lake'])).out, /state +connected/)
    const probe = await cli(['connectors', 'probe', 'lake'])
    assert.equal(probe.exit, 1)
    assert.equal(
      probe.out,
      `STEP     RESULT   TOOK  DETAIL
connect  ok       4 ms  kafka:9092, 3 brokers
produce  failed  12 ms  TOPIC_AUTHORIZATION_FAILED
`,
    )
    assert.equal(JSON.parse((await cli(['connectors', 'probe', 'lake', '--json'])).out).ok, false)
  })
})

it('a token comes from TRESTLE_TOKEN, and its lack is told with what to do', async () => {
  const { api } = await serve({ token: 'right' })
  const closed = await runCli(['status', '--url', api.url])
  assert.equal(closed.exit, 1)
  assert.match(closed.err, /^E704 {2}this API wants a token\n {6}.*TRESTLE_TOKEN/)
  const terminal = new FakeTerminal()
  terminal.env = { TRESTLE_TOKEN: 'right' }
  assert.equal((await runCli(['status', '--url', new URL(api.url).host], terminal)).exit, 0)
  await api.stop()
})

it('subscribe ends with exit 4 when the hub stops', async () => {
  const { api, hub } = await serve()
  const running = runCli(['subscribe', '#', '--url', api.url])
  await until(() => hub.subscribers.size === 1, 'the subscription')
  await api.stop()
  const { exit, err } = await running
  assert.equal(exit, 4)
  assert.match(err, /^E701 {2}the hub ended the subscription: hub is shutting down\n$/)
})

it('a program that is no hub is told as such', async () => {
  const { createServer } = await import('node:http')
  const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as { port: number }
  const { exit, err } = await runCli(['status', '--url', `http://127.0.0.1:${port}`])
  assert.equal(exit, 4)
  assert.match(err, /answers, but not as a hub does/)
  other.close()
})
