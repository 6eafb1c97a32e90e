import assert from 'node:assert/strict'
import { it } from 'node:test'
import { TrestleError } from '../../src/contract/error.ts'
import { Log, type LogOptions } from '../../src/telemetry/log.ts'
import { printLine } from '../../src/telemetry/log-line.ts'

const newLog = (options: Partial<LogOptions> = {}) => {
  const lines: string[] = []
  const log = new Log({
    level: 'info',
    human: false,
    stream: { write: (line) => lines.push(line) },
    redact: (text) => text.replaceAll('hunter2', '***'),
    now: () => Date.UTC(2026, 10, 20, 13, 0, 0),
    ...options,
  })
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> }
}

it('a line is one JSON object with time, level, event, words and facts', () => {
  const { log, last } = newLog()
  log.write('warn', 'connector.retrying', 'connector will try again', { connector: 'lake', waitMs: 250 })
  assert.deepEqual(last(), {
    level: 'warn',
    time: '2026-11-20T13:00:00.000Z',
    event: 'connector.retrying',
    connector: 'lake',
    waitMs: 250,
    msg: 'connector will try again',
  })
})

it('a line below the level is not written', () => {
  const { log, lines } = newLog({ level: 'warn' })
  log.write('info', 'hub.started', 'hub is running')
  assert.deepEqual(lines, [])
})

it('D7: no secret leaves through words, facts, lists, errors, causes or stacks', () => {
  for (const human of [false, true]) {
    const { log, lines } = newLog({ human })
    const cause = new Error('login hunter2 failed')
    log.write('error', 'hub.fault', 'the password hunter2', {
      url: 'kafka://hub:hunter2@x',
      list: ['hunter2', { deep: 'hunter2' }],
      error: new TrestleError('E602', 'hunter2 refused', { detail: { advice: 'not hunter2' }, cause }),
      plain: cause,
    })
    assert.equal(lines.length, 1)
    assert.doesNotMatch(lines[0]!, /hunter2/)
    assert.match(lines[0]!, /\*\*\*/)
  }
})

it('bytes are told by their number, long nesting and circles are cut', () => {
  const { log, last } = newLog()
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  log.write('info', 'x', 'x', { payload: new Uint8Array(5), position: 12n, circle })
  assert.equal(last()['payload'], '5 bytes')
  assert.equal(last()['position'], '12')
})

it('a foreseen error has its code and no stack, an unforeseen one its stack', () => {
  const { log, last } = newLog()
  log.write('error', 'x', 'x', { error: new TrestleError('E601', 'away') })
  assert.deepEqual(last()['error'], { message: 'away', code: 'E601', detail: {} })
  log.write('error', 'y', 'y', { error: new TypeError('oops') })
  assert.match(String((last()['error'] as { stack: string }).stack), /TypeError: oops\n {4}at/)
})

it('a flood of one event is held back, told with the next line, and does not hide other events', () => {
  let nowMs = 0
  const { log, lines, last } = newLog({ maxLinesPerS: 2, now: () => nowMs })
  for (let i = 0; i < 100; i++) log.write('warn', 'message.refused', 'message was refused', { i })
  assert.equal(lines.length, 2)
  log.write('info', 'hub.started', 'hub is running')
  assert.equal(lines.length, 3)
  nowMs = 1000
  log.write('warn', 'message.refused', 'message was refused', { i: 100 })
  assert.equal(lines.length, 4)
  assert.equal(last()['suppressed'], 98)
})

it('on a terminal a line is compact, with facts that are more than a word in quotes', () => {
  const time = new Date(2026, 10, 20, 13, 17, 4).getTime()
  assert.equal(
    printLine(time, 'warn', 'connector will try again', {
      connector: 'lake',
      error: { message: 'refused\nby x' },
      n: 3,
    }),
    '13:17:04 warn  connector will try again  connector=lake  error="refused\\nby x"  n=3\n',
  )
})
