import assert from 'node:assert/strict'
import { type SpawnOptions, spawn } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { serve, until } from '../api/fake-hub.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** The command line as a process of its own. */
function start(args: string[], env: Record<string, string>, options: SpawnOptions = {}) {
  const child = spawn(process.execPath, ['--conditions=trestle-source', main, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: 'pipe',
    ...options,
  })
  const ran = { out: '', err: '' }
  child.stdout!.on('data', (chunk) => {
    ran.out += chunk
  })
  child.stderr!.on('data', (chunk) => {
    ran.err += chunk
  })
  const ended = new Promise<{ exit: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (exit) => resolve({ exit, ...ran }))
  })
  return { child, ran, ended }
}

it('the process writes results to stdout, errors to stderr, and exits with the code of the table', async () => {
  const { api } = await serve()
  const env = { TRESTLE_URL: api.url }
  const [status, version, nowhere] = await Promise.all([
    start(['status', '--json'], env).ended,
    start(['--version'], env).ended,
    start(['status'], { TRESTLE_URL: 'http://127.0.0.1:9' }).ended,
  ])
  await api.stop()
  assert.equal(status.exit, 0)
  assert.equal(status.err, '')
  assert.equal(JSON.parse(status.out).version, '0.1.0')
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/)
  assert.equal(nowhere.exit, 4)
  assert.equal(nowhere.out, '')
  assert.match(nowhere.err, /^E701 /)
})

it('the payload comes through standard input, byte for byte', async () => {
  const { api, hub } = await serve()
  const { child, ended } = start(['publish', 'a', '-'], { TRESTLE_URL: api.url })
  child.stdin!.end(Buffer.from([0, 1, 255]))
  assert.equal((await ended).exit, 0)
  assert.deepEqual(Buffer.from(hub.published[0]!.payload), Buffer.from([0, 1, 255]))
  await api.stop()
})

it('a subscription ends well by SIGINT, and when its reader has enough', async () => {
  const { api, hub } = await serve()
  const env = { TRESTLE_URL: api.url }
  const first = start(['subscribe', '#'], env)
  await until(() => hub.subscribers.size === 1, 'the subscription')
  hub.send('#', 'a', Buffer.from('1'))
  await until(() => first.ran.out === 'a  1\n', 'the message')
  first.child.kill('SIGINT')
  assert.deepEqual(await first.ended, { exit: 0, out: 'a  1\n', err: '' })

  await until(() => hub.subscribers.size === 0, 'the end of the first')
  const second = start(['subscribe', '#'], env)
  await until(() => hub.subscribers.size === 1, 'the second subscription')
  second.child.stdout!.destroy()
  const sending = setInterval(() => hub.send('#', 'a', Buffer.from('1')), 20)
  const { exit, err } = await second.ended
  clearInterval(sending)
  assert.equal(exit, 0)
  assert.equal(err, '')
  await api.stop()
})
