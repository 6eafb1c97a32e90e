/**
 * `npm run demo`: the hub with the rules of `rules/`, weather stations that replay real readings, and
 * `trestle status --watch` beside them. Everything is written below a folder of its own; Ctrl-C ends all three.
 * `--for SECONDS` ends by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startDevices } from './devices.ts'

const { values: options } = parseArgs({
  options: { for: { type: 'string' }, rate: { type: 'string', default: '20' } },
})
const trestle = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'trestle-demo-'))
const children: ChildProcess[] = []

const run = (args: string[], output: 'inherit' | number): ChildProcess => {
  const child = spawn(process.execPath, [...process.execArgv, trestle, ...args], {
    stdio: ['ignore', output, output],
    env: { ...process.env, TRESTLE_DATA: folder },
  })
  children.push(child)
  return child
}

const hub = run(['start'], openSync(join(folder, 'hub.log'), 'w'))
let ending = false
hub.on('exit', (code) => {
  if (ending) return
  console.error(
    `The hub ended (${code}). Its last lines:\n${readFileSync(join(folder, 'hub.log'), 'utf8').slice(-2000)}`,
  )
  process.exit(1)
})
const devices = await startDevices('mqtt://127.0.0.1:1883', Number(options.rate))
console.log(
  `Three weather stations publish ${options.rate} real readings a second each, at weather/<station>/<quantity>.`,
)
console.log(
  `The rules in rules/ check, shape and write them to ${join(folder, 'out')}. Try: trestle subscribe 'latest/#'`,
)
console.log('Ctrl-C ends the demo.\n')
const status = run(['status', '--watch'], 'inherit')

process.once('SIGINT', () => void end())
process.once('SIGTERM', () => void end())
if (options.for !== undefined) setTimeout(() => void end(), Number(options.for) * 1000)

async function end(): Promise<void> {
  ending = true
  status.kill('SIGTERM')
  await devices.stop()
  const exited = new Promise((resolve) => hub.once('exit', resolve))
  hub.kill('SIGTERM')
  await exited
  console.log(
    `\n${devices.acknowledged} readings acknowledged, ${devices.refused} refused. They are in ${join(folder, 'out')}:`,
  )
  for (const file of readdirSync(join(folder, 'out'))) if (file.endsWith('.jsonl')) console.log(`  ${file}`)
  process.exit(0)
}
