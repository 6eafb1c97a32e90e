/** A hub as its users run it: `trestle start` in a process of its own, on a configuration of the test's, which can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { HubReport } from '../../src/telemetry/report.ts'
import { freePorts } from '../services/process.ts'

/** The sources, or with `TRESTLE_TEST_BUILT` what `npm run build` made of them: what users run, and what is measured. */
const isBuilt = process.env['TRESTLE_TEST_BUILT'] === '1'
const main = fileURLToPath(new URL(isBuilt ? '../../dist/src/cli/main.js' : '../../src/cli/main.ts', import.meta.url))

export interface HubFiles {
  /** The `connectors:` part of the configuration. */
  connectors: Record<string, unknown>
  /** Rule files by name (without `.yaml`), as text; tables beside them by their whole name. */
  rules: Record<string, string>
  /** JSON Schemas by subject; others as text, by `<subject>/1.avsc` and its like. */
  schemas?: Record<string, unknown>
  /** Further parts of the configuration. */
  settings?: Record<string, unknown>
  /** Where the data folder is to be; below the hub's own folder unless told. */
  data?: string
}

export class HubProcess {
  readonly folder: string
  readonly mqttPort: number
  readonly apiPort: number
  readonly configFile: string
  /** All that the hub has printed, over all its lives. */
  output = ''
  #child: ChildProcess | null = null

  private constructor(folder: string, mqttPort: number, apiPort: number) {
    this.folder = folder
    this.mqttPort = mqttPort
    this.apiPort = apiPort
    this.configFile = join(folder, 'config', 'trestle.yaml')
  }

  static async create(files: HubFiles): Promise<HubProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'trestle-hub-'))
    const hub = new HubProcess(folder, await freePort(), await freePort())
    for (const room of ['config', 'rules', 'schemas']) mkdirSync(join(folder, room))
    const config = {
      listeners: [{ type: 'tcp', address: `127.0.0.1:${hub.mqttPort}` }],
      access: { anonymous: true },
      data: files.data ?? '../data',
      rules: '../rules',
      schemas: '../schemas',
      connectors: files.connectors,
      api: { address: `127.0.0.1:${hub.apiPort}` },
      ...files.settings,
    }
    writeFileSync(hub.configFile, stringify(config))
    for (const [name, text] of Object.entries(files.rules))
      writeFileSync(join(folder, 'rules', /\.(csv|json)$/.test(name) ? name : `${name}.yaml`), text)
    for (const [name, schema] of Object.entries(files.schemas ?? {})) {
      const [subject, version = '1.json'] = name.split('/') as [string, string?]
      mkdirSync(join(folder, 'schemas', subject))
      writeFileSync(
        join(folder, 'schemas', subject, version),
        typeof schema === 'string' ? schema : JSON.stringify(schema),
      )
    }
    return hub
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Starts the hub and waits until it takes connections. */
  async start(): Promise<void> {
    // As the first line of main.ts has it.
    const flags = [
      '--max-semi-space-size=2',
      '--no-allocation-site-pretenuring',
      ...process.execArgv.filter(isKept),
      ...(process.env['TRESTLE_TEST_NODE_FLAGS']?.split(' ') ?? []),
    ]
    const child = spawn(process.execPath, [...flags, main, 'start', '-c', this.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk).slice(-400_000)
    }
    child.stdout!.on('data', keep)
    child.stderr!.on('data', keep)
    const deadlineMs = Date.now() + 30_000
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`the hub ended with ${child.exitCode}:\n${this.output.slice(-3000)}`)
      if (Date.now() > deadlineMs) throw new Error(`the hub did not get ready:\n${this.output.slice(-3000)}`)
      await sleep(20)
    }
  }

  async #answers(): Promise<boolean> {
    return fetch(`http://127.0.0.1:${this.apiPort}/health`).then(
      (answer) => answer.ok,
      () => false,
    )
  }

  async status(): Promise<HubReport> {
    const answer = await fetch(`http://127.0.0.1:${this.apiPort}/api/status`)
    if (!answer.ok) throw new Error(`status answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as HubReport
  }

  /** Polls the status until `reached` holds. */
  async until(reached: (report: HubReport) => boolean, timeoutMs = 60_000): Promise<HubReport> {
    const deadlineMs = Date.now() + timeoutMs
    for (;;) {
      const report = await this.status()
      if (reached(report)) return report
      if (Date.now() > deadlineMs) {
        throw new Error(
          `not reached in ${timeoutMs} ms:\n${JSON.stringify(report, null, 1)}\n${this.output.slice(-2000)}`,
        )
      }
      await sleep(100)
    }
  }

  /** `kill -9`: no chance to tidy up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  /** Stops the hub and removes its folder. */
  async dispose(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The flags the hub needs to run from the sources, not those of the test runner. */
const isKept = (flag: string): boolean => !isBuilt && flag.startsWith('--conditions')

/** A port that was free a moment ago; it stays the same over the hub's lives. */
export const freePort = async (): Promise<number> => (await freePorts(1))[0]!
