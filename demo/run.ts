/**
 * `npm run demo`: the hub with the rules of `rules/`, weather stations that replay real readings, and
 * `trestle status --watch` beside them. Everything is written below a folder of its own; Ctrl-C ends all three.
 * `--for SECONDS` ends by itself.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Devices, startDevices } from './devices.ts'

const { values: options } = parseArgs({
  options: { for: { type: 'string' }, rate: { type: 'string', default: '20' } },
})
const trestle = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'trestle-demo-'))
let devices: Devices | null = null
let status: ChildProcess | null = null
let ending = false

/** `detached` keeps the terminal's Ctrl-C from it: the demo says when it ends. */
const run = (args: string[], output: 'inherit' | number, detached: boolean): ChildProcess => {
  const stdio: StdioOptions = ['ignore', output, output]
  const env = { ...process.env, TRESTLE_DATA: folder }
  return spawn(process.execPath, [...process.execArgv, trestle, ...args], { stdio, env, detached })
}

const hub = run(['start'], openSync(join(folder, 'hub.log'), 'w'), true)
const exited = new Promise((resolve) => hub.once('exit', resolve))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end())
hub.on('exit', (code) => {
  if (ending) return
  console.error(
    `The hub ended (${code}). Its last lines:\n${readFileSync(join(folder, 'hub.log'), 'utf8').slice(-2000)}`,
  )
  process.exit(1)
})
while (
  !(await fetch('http://127.0.0.1:8080/health').then(
    ({ ok }) => ok,
    () => false,
  ))
)
  await sleep(50)
devices = await startDevices('mqtt://127.0.0.1:1883', Number(options.rate))
console.log(
  `Three weather stations publish ${options.rate} real readings a second each, at weather/<station>/<quantity>.`,
)
console.log(
  `The rules in rules/ check, shape and write them to ${join(folder, 'out')}. Try: trestle subscribe 'latest/#'`,
)
console.log('Ctrl-C ends the demo.\n')
status = run(['status', '--watch'], 'inherit', false)

if (options.for !== undefined) setTimeout(() => void end(), Number(options.for) * 1000)

async function end(): Promise<void> {
  if (ending) return
  ending = true
  status?.kill('SIGTERM')
  await devices?.stop()
  hub.kill('SIGTERM')
  await exited
  if (devices === null) process.exit(0)
  console.log(
    `\n${devices.acknowledged} readings acknowledged, ${devices.refused} refused. They are in ${join(folder, 'out')}:`,
  )
  for (const file of readdirSync(join(folder, 'out'))) if (file.endsWith('.jsonl')) console.log(`  ${file}`)
  process.exit(0)
}
