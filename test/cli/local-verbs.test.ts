import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HubDoor } from '../../src/cli/verb.ts'
import { TrestleError } from '../../src/contract/error.ts'
import type { Fault } from '../../src/document/fault.ts'
import { until } from '../api/fake-hub.ts'
import { FakeTerminal, runCli } from './fake-terminal.ts'

const faults: Fault[] = [
  {
    file: 'rules/line-telemetry.yaml',
    line: 3,
    column: 25,
    code: 'E217',
    message: 'unknown field `payload.qualty` in schema telemetry@3',
    suggestion: 'quality',
  },
  {
    file: resolve('config/trestle.yaml'),
    line: 14,
    column: 11,
    code: 'E104',
    message: 'connectors.lake.brokers: expected a list of host:port, found a string',
  },
]

const told = `rules/line-telemetry.yaml:3:25  E217  unknown field \`payload.qualty\` in schema telemetry@3 (did you mean \`quality\`?)
config/trestle.yaml:14:11       E104  connectors.lake.brokers: expected a list of host:port, found a string
2 faults. Nothing was started.
`

class FakeDoor implements HubDoor {
  readonly calls: unknown[] = []
  found: Fault[] = []
  fail: Error | null = null
  stops = 0
  reloads = 0
  stopMs = 0

  startHub = async (options: Parameters<HubDoor['startHub']>[0]) => {
    this.calls.push(options)
    if (this.fail !== null) throw this.fail
    return {
      summary: ['trestle 0.1.0 on oslo-1', '  mqtt  127.0.0.1:1883'],
      reload: async () => {
        this.reloads++
      },
      stop: async () => {
        this.stops++
        await sleep(this.stopMs)
      },
    }
  }

  checkAll = async (options: object) => {
    this.calls.push(options)
    return this.found
  }

  planProof = async () => ({ plan: null, faults: this.found })
  watchSources = async () => ({ close: () => {} })

  async connectorSchemas() {
    return new Map([
      ['file', { options: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } }],
    ]) as unknown as Awaited<ReturnType<HubDoor['connectorSchemas']>>
  }
}

const withDoor = (args: string[], door: FakeDoor, terminal = new FakeTerminal()) =>
  runCli(args, terminal, async () => door)

it('B1: check prints every fault as the design says and exits 1', async () => {
  const door = new FakeDoor()
  door.found = faults
  assert.deepEqual(await withDoor(['check', '-c', 'x.yaml'], door), { exit: 1, out: told, err: '' })
  assert.deepEqual(door.calls, [{ configFile: 'x.yaml' }])
  const json = await withDoor(['check', '--json'], door)
  assert.deepEqual(JSON.parse(json.out), { faults })
  assert.equal(json.exit, 1)
})

it('check without a fault says so and exits 0', async () => {
  assert.deepEqual(await withDoor(['check'], new FakeDoor()), { exit: 0, out: 'No faults.\n', err: '' })
})

it('start prints what runs and what to try, and stops in order at the first signal', async () => {
  const door = new FakeDoor()
  const terminal = new FakeTerminal()
  const running = withDoor(['start', '-c', 'x.yaml', '--set', 'api.address=127.0.0.1:0', 'data=/d'], door, terminal)
  await until(() => terminal.listeners.size > 0, 'the hub to run')
  assert.match(terminal.written, /^trestle 0\.1\.0 on oslo-1\n {2}mqtt {2}127\.0\.0\.1:1883\n\nTry:\n/)
  assert.match(terminal.written, /trestle publish /)
  terminal.interrupt()
  assert.equal((await running).exit, 0)
  assert.equal(door.stops, 1)
  assert.deepEqual(door.calls, [{ configFile: 'x.yaml', flags: { 'api.address': '127.0.0.1:0', data: '/d' }, env: {} }])
})

it('a second signal ends the process at once', async () => {
  const door = new FakeDoor()
  door.stopMs = 200
  const terminal = new FakeTerminal()
  const running = withDoor(['start'], door, terminal)
  await until(() => terminal.listeners.size > 0, 'the hub to run')
  terminal.interrupt()
  assert.equal(terminal.exitCode, null)
  terminal.interrupt()
  assert.equal(terminal.exitCode, 130)
  assert.equal(door.stops, 1)
  await running
})

it('start tells every fault of its configuration as check does, exit 2', async () => {
  const door = new FakeDoor()
  door.fail = Object.assign(new Error('2 faults'), { faults })
  assert.deepEqual(await withDoor(['start'], door), { exit: 2, out: '', err: told })
  assert.deepEqual(JSON.parse((await withDoor(['start', '--json'], door)).err), faults)
})

it('start tells in one line what to do when it cannot run, with the exit code of the table', async () => {
  const door = new FakeDoor()
  door.fail = new TrestleError('E901', '127.0.0.1:1883 is already in use', { detail: { advice: 'stop the other one' } })
  assert.deepEqual(await withDoor(['start'], door), {
    exit: 3,
    out: '',
    err: 'E901  127.0.0.1:1883 is already in use\n      stop the other one\n',
  })
})

it('config schema is the JSON Schema of the whole file', async () => {
  const { exit, out } = await withDoor(['config', 'schema'], new FakeDoor())
  assert.equal(exit, 0)
  const schema = JSON.parse(out)
  assert.equal(schema.type, 'object')
  assert.ok(schema.properties.listeners)
})
