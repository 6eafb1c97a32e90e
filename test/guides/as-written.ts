/**
 * Runs what stands in a guide or an example as its reader would: the files are checked as they are, then the hub is
 * started on them with nothing replaced but addresses, and secrets from the environment. So a page that lies fails.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { printFault } from '../../src/document/fault.ts'
import { checkAll } from '../../src/hub.ts'
import { HubProcess } from '../support/hub-process.ts'
import type { Written } from './written.ts'

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Addresses and files of this machine, by what is written in their place. */
export type Places = Readonly<Record<string, string>>

/** The hub on these files, with a connection to every far side. */
export async function startAsWritten(written: Written, places: Places): Promise<HubProcess> {
  const hub = await prepareAsWritten(written, places)
  await startConnected(hub)
  return hub
}

/** The same, not yet started. */
export async function prepareAsWritten(written: Written, places: Places): Promise<HubProcess> {
  let text = written.config
  for (const [there, here] of Object.entries(places)) {
    assert.ok(text.includes(there), `${written.place} does not say ${there}`)
    text = text.replaceAll(there, here)
  }
  const { connectors, listeners, access, data, rules, schemas, api, ...settings } = parse(text) as Record<
    string,
    unknown
  >
  for (const part of [listeners, access, data, rules, schemas])
    assert.ok(part !== undefined, `${written.place} is not complete`)
  const hub = await HubProcess.create({
    connectors: connectors as Record<string, unknown>,
    rules: written.rules,
    schemas: written.schemas,
    settings,
  })
  await checkAsWritten(written, hub)
  return hub
}

/** `trestle check` on the very text, beside the same rules and schemas. */
async function checkAsWritten(written: Written, { folder }: HubProcess): Promise<void> {
  const configFile = join(folder, 'config', 'as-written.yaml')
  writeFileSync(configFile, written.config.replace(/^(rules|schemas): .*$/gm, '$1: ../$1'))
  assert.deepEqual((await checkAll({ configFile })).map(printFault), [], `${written.place} has faults`)
}

/** Starts it and waits until each of its connectors, both ways, is connected. */
export async function startConnected(hub: HubProcess): Promise<void> {
  await hub.start()
  await hub.until(({ connectors }) =>
    connectors.every(({ state, ways }) => state === 'connected' && ways.every((way) => way.state === 'connected')),
  )
}

/** Runs the one `trestle publish …` of a guide in a shell, as its reader would. */
export async function publishAsWritten({ place, publishes }: Written, hub: HubProcess): Promise<void> {
  assert.equal(publishes.length, 1, `${place} should publish once`)
  const command = [process.execPath, '--conditions=trestle-source', main].map((word) => `'${word}'`).join(' ')
  const script = `trestle() { ${command} "$@"; }\n${publishes[0]}`
  const env = { ...process.env, TRESTLE_URL: `http://127.0.0.1:${hub.apiPort}` }
  const { stdout } = await run('/bin/sh', ['-c', script], { env })
  assert.match(stdout, /stored/)
}

/** The steps that `trestle connectors probe` walks, all of which must succeed, in one line. */
export async function probed(hub: HubProcess, connector: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${hub.apiPort}/api/connectors/${connector}/probe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  const { steps } = (await answer.json()) as { steps: { step: string; ok: boolean }[] }
  assert.ok(
    steps.every(({ ok }) => ok),
    JSON.stringify(steps),
  )
  return steps.map(({ step }) => step).join(', ')
}

/** The lines of a file connector's file below the hub's data folder. */
export function linesOf(hub: HubProcess, file: string): { payload: unknown; topic: string }[] {
  const text = readFileSync(join(hub.folder, 'data', 'out', file), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { payload: unknown; topic: string })
}
