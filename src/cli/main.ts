#!/usr/bin/env -S node --max-semi-space-size=2 --no-allocation-site-pretenuring
/**
 * The command line. `run.ts` picks the verb, `commands/` has one file per verb, `client.ts` speaks to a running hub,
 * `table.ts`, `status-table.ts` and `human.ts` are how things look.
 *
 * It promises: a table for people, `--json` with raw numbers for programs; results on stdout, errors on stderr with
 * their code and what to do; exit codes from `contract/codes.ts`; nothing strangers wrote can steer the terminal.
 *
 * The flags in the first line are for the hub's garbage, which dies young: a small young generation (50 MB less of resident
 * memory), and no objects put into the old one on a guess (in some runs that cost a fifth more CPU).
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
