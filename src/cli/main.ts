#!/usr/bin/env -S node --max-semi-space-size=2
/**
 * The command line. `run.ts` picks the verb, `commands/` has one file per verb, `client.ts` speaks to a running hub,
 * `table.ts`, `status-table.ts` and `human.ts` are how things look.
 *
 * It promises: a table for people, `--json` with raw numbers for programs; results on stdout, errors on stderr with
 * their code and what to do; exit codes from `contract/codes.ts`; nothing strangers wrote can steer the terminal.
 *
 * The flag in the first line keeps the young generation of both threads small: 50 MB less of resident memory, no more
 * CPU (a hub's garbage dies at once). Whoever starts this file by hand may give it too.
 */
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { run } from './run.ts'
import { processTerminal } from './terminal.ts'

const { version } = JSON.parse(readFileSync(findPackageJSON(import.meta.url)!, 'utf8')) as { version: string }

process.exitCode = await run(process.argv.slice(2), {
  terminal: processTerminal(),
  version,
  loadHub: () => import('../hub.ts'),
})
// Everything is stopped and written; whatever a library still holds open must not keep the process.
setTimeout(() => process.exit(), 2000).unref()
