/**
 * `npm test`: gets what the tests need, runs them all, and ends with one list of what was not run and why. With
 * `CI=true` a missing server is a failure, so that nothing is ever skipped in silence.
 *
 *     npm test                      everything
 *     npm test -- test/journal      one room (any path below test/)
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missing, type Service, services } from './services/need.ts'

const places = process.argv.slice(2).filter((place) => place !== '--')
const files = (places.length > 0 ? places : ['test'])
  .flatMap((place) => globSync(place.endsWith('.ts') ? place : `${place}/**/*.test.ts`))
  .sort()
if (files.length === 0) {
  console.error(`No test file matches ${places.join(', ')}.`)
  process.exit(1)
}

const absent: string[] = []
const texts = files.map((file) => readFileSync(file, 'utf8'))
for (const service of Object.keys(services) as Service[]) {
  if (!texts.some((text) => text.includes(`need('${service}')`))) continue
  const reason = await missing(service, (line) => console.log(`services: ${service}: ${line}`))
  if (reason !== null) absent.push(`every test against the real ${service}: ${reason}`)
}
const folder = mkdtempSync(join(tmpdir(), 'trestle-test-'))
const notRun = join(folder, 'not-run')
const tests = spawnSync(
  process.execPath,
  [
    ...process.execArgv,
    ...['--test', '--test-concurrency=2', '--test-timeout=300000'],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${new URL('not-run.ts', import.meta.url)}`, `--test-reporter-destination=${notRun}`],
    ...files,
  ],
  { stdio: 'inherit' },
)
const told = existsSync(notRun) ? readFileSync(notRun, 'utf8').split('\n').filter(Boolean) : []
absent.push(...told.filter((line) => !mayBeLeftOut(line)))
const leftOut = told.filter(mayBeLeftOut)
rmSync(folder, { recursive: true, force: true })
if (leftOut.length > 0) {
  console.log('\nLeft out, as it may be anywhere:')
  for (const line of leftOut) console.log(`  ${line}`)
}
if (absent.length > 0) {
  console.log('\nNot run on this machine:')
  for (const line of absent) console.log(`  ${line}`)
}
process.exit(absent.length > 0 && process.env['CI'] === 'true' ? 1 : (tests.status ?? 1))

/**
 * What may be left out on CI too: parts of a suite that make no sense for one of its bodies, and libraries that no package
 * registry has, which only their users can add.
 */
function mayBeLeftOut(line: string): boolean {
  return /: (does not apply|needs a library that is not here): /.test(line)
}
