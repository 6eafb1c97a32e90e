/**
 * Claim: per delivered message the hub's broker costs a fraction of Mosquitto's CPU where messages can be batched, and
 * about as much where each arrives alone. The hub runs as users run it (`trestle start`, one rule on other topics).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, HubProcess } from '../test/support/hub-process.ts'
import { type LoadResult, runLoad, scenarios } from './load.ts'

interface Broker {
  label: string
  port: number
  pid: number
  stop(): Promise<void>
}

/** The least Mosquitto's CPU over ours that issue and README promise, by scenario. */
export const targets: Readonly<Record<string, number>> = { a16: 8, b: 3, d: 8, e: 10, a1: 0.7, c: 0.7, f: 0.7 }

export interface BrokerBench {
  scenario: string
  /** Label → the run with the least CPU. */
  best: Record<string, LoadResult>
}

export async function benchBrokers(names: readonly string[], rounds: number, seconds: number): Promise<BrokerBench[]> {
  const brokers = [await startHub(), ...(await startMosquittos())]
  const results = new Map<string, Record<string, LoadResult>>(names.map((name) => [name, {}]))
  try {
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        for (const broker of brokers) {
          const result = await runLoad(broker.port, broker.pid, scenarios[name]!, seconds)
          const best = results.get(name)!
          if ((best[broker.label]?.cpu_us_per_msg ?? Number.POSITIVE_INFINITY) > result.cpu_us_per_msg) {
            best[broker.label] = result
          }
          console.log(
            `${name.padEnd(4)} ${broker.label.padEnd(18)} ${result.cpu_us_per_msg.toFixed(2).padStart(7)} µs  ` +
              `${Math.round(result.msgs_per_s).toLocaleString('en').padStart(10)} msg/s  undelivered ${result.undelivered}`,
          )
          await sleep(200)
        }
      }
    }
  } finally {
    for (const broker of brokers) await broker.stop()
  }
  return [...results].map(([scenario, best]) => ({ scenario, best }))
}

async function startHub(): Promise<Broker> {
  const hub = await HubProcess.create({
    connectors: { records: { type: 'file', path: '../out' } },
    rules: { elsewhere: 'from: elsewhere/{device}\nto: [{ sink: records, file: elsewhere }]\n' },
  })
  await hub.start()
  return { label: 'trestle', port: hub.mqttPort, pid: hub.pid, stop: () => hub.dispose() }
}

async function startMosquittos(): Promise<Broker[]> {
  const programs = ['mosquitto', ...(process.env['MOSQUITTO'] === undefined ? [] : [process.env['MOSQUITTO']])]
  return Promise.all(programs.map(startMosquitto))
}

async function startMosquitto(program: string): Promise<Broker> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'trestle-bench-'))
  const config = join(folder, 'mosquitto.conf')
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n`,
  )
  const child: ChildProcess = spawn(program, ['-c', config], { stdio: 'ignore' })
  await sleep(500)
  if (child.exitCode !== null) throw new Error(`${program} did not start`)
  return {
    label: `mosquitto ${version(program)}`,
    port,
    pid: child.pid!,
    stop: async () => {
      child.kill('SIGKILL')
    },
  }
}

function version(program: string): string {
  try {
    return execFileSync(program, ['-h'], { encoding: 'utf8' }).match(/version (\S+)/)?.[1] ?? '?'
  } catch (error) {
    // Its help ends with 3 in newer versions, and prints all the same.
    return String((error as { stdout?: string }).stdout).match(/version (\S+)/)?.[1] ?? '?'
  }
}
