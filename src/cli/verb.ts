import { Command, InvalidArgumentError, Option } from 'commander'
import type { Fault } from '../document/fault.ts'
import type { PlannedProof } from '../hub/proving-plan.ts'
import type { ConnectorSchemas } from '../settings/connector-options.ts'
import { HubClient } from './client.ts'
import type { Terminal } from './terminal.ts'

/** The hub as the command line starts and checks it; `../hub.ts` in the product. */
export interface HubDoor {
  startHub(options: {
    configFile?: string
    flags?: Record<string, unknown>
    env?: NodeJS.ProcessEnv
  }): Promise<{ stop(): Promise<void>; reload(): Promise<unknown>; summary: string[] }>
  checkAll(options: { configFile?: string }): Promise<Fault[]>
  /** What examples are run against; no plan when there is a fault. */
  planProof(options: { configFile?: string }): Promise<PlannedProof>
  /** Calls `onChange` when the configuration, a rule or a schema has changed and come to rest. */
  watchSources(options: { configFile?: string }, onChange: () => void): Promise<{ close(): void }>
  /** The options of every connector type there is. */
  connectorSchemas(): Promise<ConnectorSchemas>
}

/** What a command is given. */
export interface VerbContext {
  readonly terminal: Terminal
  /** Loaded only by the commands that run or check a hub in this process. */
  loadHub(): Promise<HubDoor>
  /** Sets the exit code where it is not 0 and not an error's. */
  setExit(code: number): void
}

/** Makes the commander command of one verb. */
export type Verb = (context: VerbContext) => Command

export interface HubOptions {
  url?: string
  json?: boolean
}

/** A command with its purpose and its example. */
export function newVerb(name: string, purpose: string, example: string): Command {
  const lines = example.split('\n').map((line) => `  $ ${line}`)
  return new Command(name).description(purpose).addHelpText('after', `\nExample:\n${lines.join('\n')}`)
}

/** Adds what every command that speaks to a running hub takes. */
export const withHub = (command: Command): Command =>
  command
    .addOption(new Option('--url <url>', 'address of the hub’s API (or TRESTLE_URL; a token goes into TRESTLE_TOKEN)'))
    .option('--json', 'print JSON for programs: raw numbers, stable names')

export const clientFor = (context: VerbContext, { url }: HubOptions): HubClient =>
  new HubClient({ url, env: context.terminal.env })

/** Reads an option that must be a whole number from `min` to `max`. */
export const wholeNumber =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min}${max < 1e9 ? ` to ${max}` : ''}.`)
  }

/** One JSON value as a program reads it: indented for `--json`, on one line in a stream. */
export const printJson = (value: unknown, indent = 2): string => `${JSON.stringify(value, null, indent)}\n`

/** Gathers the `path=value` of `--set`; `path` alone means true. */
export function readSetting(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=')
  return { ...before, [at < 0 ? text : text.slice(0, at)]: at < 0 ? 'true' : text.slice(at + 1) }
}
