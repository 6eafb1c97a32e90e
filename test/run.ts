/**
 * `npm test`: gets and starts what the tests need, runs them all, and ends with one list of what was not run and why.
 * With `CI=true` a missing server is a failure, so that nothing is ever skipped in silence.
 *
 *     npm test                      everything
 *     npm test -- test/journal      one room (any path below test/)
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getServices } from './services/get.ts'

const places = process.argv.slice(2).filter((place) => place !== '--')
const patterns = (places.length > 0 ? places : ['test']).map((place) =>
  place.endsWith('.ts') ? place : `${place}/**/*.test.ts`,
)
const files = patterns.flatMap((pattern) => globSync(pattern)).sort()
if (files.length === 0) {
  console.error(`No test file matches ${patterns.join(', ')}.`)
  process.exit(1)
}

await getServices()

const notes = mkdtempSync(join(tmpdir(), 'trestle-test-'))
const notRun = join(notes, 'not-run')
const tests = spawnSync(
  process.execPath,
  [...process.execArgv, '--test', '--test-concurrency=2', '--test-timeout=300000', ...files],
  { stdio: 'inherit', env: { ...process.env, TRESTLE_TEST_NOT_RUN: notRun } },
)
const missing = readNotes(notRun)
rmSync(notes, { recursive: true })
if (missing.length > 0) {
  console.log(`\nNot run here (with CI=true these are failures):`)
  for (const line of missing) console.log(`  ${line}`)
}
process.exit(tests.status ?? 1)

function readNotes(file: string): string[] {
  try {
    return [...new Set(readFileSync(file, 'utf8').trim().split('\n'))]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
