import { CommanderError } from 'commander'
import { codes } from '../contract/codes.ts'
import { TrestleError } from '../contract/error.ts'
import type { Fault } from '../document/fault.ts'
import { ConfigRefused, printFaults } from './faults.ts'
import { printSafe } from './human.ts'
import type { Terminal } from './terminal.ts'
import type { HubDoor, Verb } from './verb.ts'
import { newVerb } from './verb.ts'

/** Every verb: what it is for, and where it lies. Only the one that is asked for is loaded. */
export const verbs: Record<string, { purpose: string; load(): Promise<{ verb: Verb }> }> = {
  start: { purpose: 'run the hub', load: () => import('./commands/start.ts') },
  check: { purpose: 'find every fault in config, rules and schemas', load: () => import('./commands/check.ts') },
  reload: { purpose: 'load rules and schemas anew, all or nothing', load: () => import('./commands/reload.ts') },
  test: { purpose: 'run the examples of the rules', load: () => import('./commands/test.ts') },
  explain: { purpose: 'tell what the rules make of a message', load: () => import('./commands/explain.ts') },
  status: { purpose: 'show what each connector is doing', load: () => import('./commands/status.ts') },
  publish: { purpose: 'publish one message', load: () => import('./commands/publish.ts') },
  subscribe: { purpose: 'print live messages', load: () => import('./commands/subscribe.ts') },
  'dead-letters': {
    purpose: 'list, show, replay or discard what could not be delivered',
    load: () => import('./commands/dead-letters.ts'),
  },
  connectors: {
    purpose: 'list, show, probe, pause, resume, add or remove connectors',
    load: () => import('./commands/connectors.ts'),
  },
  clients: { purpose: 'show, add or end subscriptions of a client', load: () => import('./commands/clients.ts') },
  schemas: {
    purpose: 'list, show, add, check, compare or draft schemas',
    load: () => import('./commands/schemas.ts'),
  },
  passwd: { purpose: 'set or remove a user who may connect', load: () => import('./commands/passwd.ts') },
  config: { purpose: 'print the configuration or its schema', load: () => import('./commands/config.ts') },
}

export interface RunOptions {
  terminal: Terminal
  version: string
  loadHub(): Promise<HubDoor>
}

/** Runs one command line and answers its exit code. Nothing it may throw is left uncaught. */
export async function run(args: readonly string[], { terminal, version, loadHub }: RunOptions): Promise<number> {
  let exit = 0
  const setExit = (code: number) => {
    exit = code
  }
  try {
    const [name, ...rest] = args[0] === 'help' && args[1] !== undefined ? [args[1], '--help'] : args
    const found = name !== undefined && Object.hasOwn(verbs, name) ? verbs[name] : undefined
    const command = found === undefined ? overview(version) : (await found.load()).verb({ terminal, loadHub, setExit })
    if (found === undefined && args.length === 0) {
      terminal.out(command.helpInformation())
      return 0
    }
    for (const each of [command, ...command.commands]) {
      each.exitOverride().configureOutput({
        writeOut: (text) => terminal.out(text),
        // Told below, in the shape of every other error.
        writeErr: () => undefined,
        outputError: () => undefined,
      })
    }
    if (found !== undefined) command.name(`trestle ${name}`)
    await command.parseAsync(found === undefined ? args : rest, { from: 'user' })
    return exit
  } catch (error) {
    return tell(error, terminal, args.includes('--json'))
  }
}

/** `trestle --help`: the list of verbs. */
function overview(version: string) {
  const program = newVerb(
    'trestle',
    'The bridge hub between devices and streams that tells the truth about every message.',
    'trestle start\ntrestle status --watch\ntrestle help publish',
  ).version(version)
  for (const [name, { purpose }] of Object.entries(verbs)) program.command(name).description(purpose)
  return program.helpCommand('help [command]', 'show what a command takes')
}

function tell(thrown: unknown, terminal: Terminal, asJson: boolean): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0
  const faults = faultsOf(thrown)
  if (faults !== null) {
    const said = thrown instanceof ConfigRefused ? { outcome: thrown.outcome } : {}
    terminal.err(asJson ? `${JSON.stringify(faults)}\n` : `${printFaults(faults, said).join('\n')}\n`)
    return faults[0] === undefined ? 2 : codes[faults[0].code].exit
  }
  const error = thrown instanceof CommanderError ? misuse(thrown) : TrestleError.from(thrown)
  const { title, exit } = codes[error.code]
  const { advice } = error.detail
  if (asJson) {
    terminal.err(`${JSON.stringify({ code: error.code, title, message: error.message, advice: advice ?? null })}\n`)
  } else {
    terminal.err(`${error.code}  ${printSafe(error.message)}\n`)
    if (advice !== undefined) terminal.err(`      ${printSafe(advice)}\n`)
    if (error.code === 'E999' && error.cause instanceof Error) terminal.err(`${error.cause.stack}\n`)
  }
  return exit
}

/** Commander's own words, as an error of ours. */
function misuse(error: CommanderError): TrestleError {
  const message = error.message.replace(/^error: /, '')
  const help = error.code === 'commander.help' ? 'a subcommand is missing' : message
  return new TrestleError(
    'E703',
    help
      .replace(/\n\s*\(?/, ' (')
      .replace(/\(D/, '(d')
      .trim(),
    {
      detail: { advice: 'add --help to see what the command takes' },
    },
  )
}

/** The faults of a configuration that cannot be run (hub.ts throws them together), or null for another error. */
const faultsOf = (thrown: unknown): Fault[] | null =>
  thrown instanceof Error && 'faults' in thrown && Array.isArray(thrown.faults) ? (thrown.faults as Fault[]) : null
