import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Command } from 'commander'
import { run, verbs } from '../../src/cli/run.ts'
import { codes } from '../../src/contract/codes.ts'
import { FakeTerminal, runCli } from './fake-terminal.ts'

/** Every command there is, as one would type it. */
async function allCommands(): Promise<string[][]> {
  const found: string[][] = []
  for (const [name, { load }] of Object.entries(verbs)) {
    const { verb } = await load()
    const command: Command = verb({
      terminal: new FakeTerminal(),
      loadHub: async () => assert.fail('not for help'),
      setExit: () => undefined,
    })
    found.push([name], ...command.commands.map((sub) => [name, sub.name()]))
  }
  return found
}

describe('every command', async () => {
  for (const words of await allCommands()) {
    it(`trestle ${words.join(' ')} --help tells its purpose in a sentence and shows an example`, async () => {
      const { exit, out, err } = await runCli([...words, '--help'])
      assert.equal(exit, 0)
      assert.equal(err, '')
      assert.match(out, new RegExp(`^Usage: trestle ${words.join(' ')} `))
      assert.match(out, /\n\n[A-Z][\s\S]*?\.\n/)
      assert.match(out, new RegExp(`\nExample:\n {2}\\$ trestle ${words.join(' ')}`))
      if (!['config', 'clients', 'dead-letters', 'connectors', 'schemas'].includes(words.join(' ')))
        assert.match(out, /--json/)
    })
  }
})

it('without a command, and with --help, all commands are listed', async () => {
  const bare = await runCli([])
  const asked = await runCli(['--help'])
  assert.equal(bare.exit, 0)
  for (const name of Object.keys(verbs)) {
    assert.match(bare.out, new RegExp(`^ {2}${name} `, 'm'))
    assert.match(asked.out, new RegExp(`^ {2}${name} `, 'm'))
  }
  assert.match((await runCli(['help', 'status'])).out, /^Usage: trestle status/)
  assert.equal((await runCli(['--version'])).out, '0.1.0\n')
})

it('what is mistyped is told on stderr with its code, a guess and where to look', async () => {
  const option = await runCli(['status', '--jsno'])
  assert.deepEqual(option, {
    exit: 2,
    out: '',
    err: "E703  unknown option '--jsno' (did you mean --json?)\n      add --help to see what the command takes\n",
  })
  const verb = await runCli(['statsu'])
  assert.equal(verb.exit, 2)
  assert.match(verb.err, /^E703 {2}unknown command 'statsu'/)
  assert.match((await runCli(['dead-letters'])).err, /a subcommand is missing/)
  assert.match((await runCli(['publish'])).err, /missing required argument 'topic'/)
  assert.match((await runCli(['publish', 'a', '--qos', '3'])).err, /whole number from 0 to 2/)
})

it('with --json an error is JSON too', async () => {
  const { exit, err } = await runCli(['status', '--json', '--url', 'http://127.0.0.1:9'])
  assert.equal(exit, 4)
  const told = JSON.parse(err)
  assert.equal(told.code, 'E701')
  assert.equal(told.title, codes.E701.title)
  assert.match(told.advice, /trestle start/)
})

it('a hub that is not there is told with how to start it, exit 4', async () => {
  for (const args of [['status'], ['publish', 'a'], ['subscribe', 'a'], ['dead-letters', 'list']]) {
    const terminal = new FakeTerminal()
    terminal.env = { TRESTLE_URL: 'http://127.0.0.1:9' }
    const { exit, out, err } = await runCli(args, terminal)
    assert.equal(exit, 4)
    assert.equal(out, '')
    assert.match(err, /^E701 {2}the hub at http:\/\/127\.0\.0\.1:9 does not answer/)
    assert.match(err, /start one with `trestle start`/)
  }
})

it('an address that is none is refused before anything is sent', async () => {
  for (const url of ['ftp://x', 'http://', 'http://user:pass@x', 'not a url']) {
    const { exit, err } = await runCli(['status', '--url', url])
    assert.equal(exit, 2, url)
    assert.match(err, /^E703 .*is not the address of a hub/)
  }
})

it('an unforeseen fault has its code, its stack and exit 70', async () => {
  const terminal = new FakeTerminal()
  const exit = await run(['check'], {
    terminal,
    version: '0.1.0',
    loadHub: async () => {
      throw new TypeError('oops')
    },
  })
  assert.equal(exit, 70)
  assert.match(terminal.errors, /^E999 {2}oops\nTypeError: oops\n {4}at/)
})
