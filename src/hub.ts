/**
 * Builds the rooms from settings, starts them in order, stops them in reverse.
 *
 * `startHub` is what `trestle start` calls, `checkAll` what `trestle check` calls; programs that embed a hub use
 * `createHub` of `index.ts`. `hub/plan` reads and checks everything before anything is opened; `hub/hub` is the running
 * hub; `hub/intake` its inner doors; `hub/connectors` what is added and removed while it runs; `hub/buffers` watches what
 * sinks are owed; `hub/rule-book` exchanges rules and schemas; `hub/loop-guard` and `hub/ways-back` keep messages from circling; `hub/ledger` adds up the reports.
 */

import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { TrestleError } from './contract/error.ts'
import { type Fault, printFault } from './document/fault.ts'
import { Hub } from './hub/hub.ts'
import { makePlan, type Plan, type PlanOptions } from './hub/plan.ts'
import type { Reloaded } from './hub/rule-book.ts'
import { printListener } from './settings/listeners.ts'
import { Redactor } from './settings/redact.ts'
import { Events } from './telemetry/events.ts'
import { Log } from './telemetry/log.ts'

export { connectorSchemas } from './hub/plan.ts'
export { planProof, watchSources } from './hub/proving-plan.ts'

/** Thrown when something the user wrote has a fault: all of them at once; nothing was started. */
export class ConfigFaults extends Error {
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    super(faults.map(printFault).join('\n'))
    this.name = 'ConfigFaults'
    this.faults = faults
  }
}

/** Every fault of configuration, rules and schemas; nothing is opened. */
export const checkAll = async (options: PlanOptions): Promise<Fault[]> => (await makePlan(options)).faults

/** A hub that runs in this process. */
export interface RunningHub {
  readonly hub: Hub
  /** What was started, for a person: one line each. */
  readonly summary: string[]
  /** Loads rules and schemas anew, all or nothing. *Errors*: the first fault's code, all faults in `detail`. */
  reload(): Promise<Reloaded>
  stop(): Promise<void>
}

/** Starts a hub. *Errors*: ConfigFaults; TrestleError E501 to E506 (data folder, journal), E901 (port). */
export async function startHub(options: PlanOptions = {}): Promise<RunningHub> {
  const { plan, faults, secrets } = await makePlan(options)
  if (plan === null) throw new ConfigFaults(faults)
  const { version } = JSON.parse(readFileSync(findPackageJSON(import.meta.url)!, 'utf8')) as { version: string }
  const known = new Set(secrets)
  let redactor = new Redactor(known)
  const learnSecrets = (more: ReadonlySet<string>): void => {
    for (const secret of more) known.add(secret)
    redactor = new Redactor(known)
  }
  const log = makeLog(plan, (text) => redactor.text(text))
  const events = new Events(log)
  await makeDataFolder(plan.settings.data)
  events.emit('hub.starting', { version })
  const hub = await Hub.start({ plan, events, log, version, secrets, learnSecrets })
  events.emit('hub.started', { hub: hub.id })
  const stop = async (): Promise<void> => {
    events.emit('hub.stopping')
    await hub.stop()
    events.emit('hub.stopped')
  }
  return { hub, summary: summaryOf(plan, hub, version), reload: () => hub.reload(), stop }
}

function makeLog({ settings }: Plan, redact: (text: string) => string): Log {
  const { level, format } = settings.log
  return new Log({
    level,
    stream: process.stderr,
    human: format === 'auto' ? process.stderr.isTTY === true : format === 'text',
    redact,
    now: Date.now,
  })
}

async function makeDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    throw new TrestleError('E501', `the data folder ${folder} cannot be made: ${(cause as Error).message}`, {
      detail: { advice: 'give this user the right to write there, or set `data` to another folder' },
      cause,
    })
  }
}

function summaryOf({ settings, rules, connectors }: Plan, hub: Hub, version: string): string[] {
  const line = (what: string, told: string): string => `  ${what.padEnd(11)} ${told}`
  const doors = settings.listeners.map((one) => line(one.name ?? titles[one.type], printListener(one)))
  const names = rules.rules.map(({ name }) => name)
  const sinks = [...connectors].map(([name, { type }]) => `${name} (${type})`)
  return [
    `trestle ${version} is running`,
    ...doors,
    line('api', hub.apiUrl),
    line('rules', `${names.length}${names.length > 0 ? `: ${shorten(names)}` : ` in ${settings.rules}`}`),
    line('connectors', sinks.length > 0 ? shorten(sinks) : 'none'),
    line('data', settings.data),
  ]
}

const titles = { tcp: 'mqtt', tls: 'mqtt tls', websocket: 'websocket', wss: 'websocket', unix: 'mqtt' } as const

const shorten = (names: readonly string[]): string =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 6).join(', ')} and ${names.length - 6} more`
