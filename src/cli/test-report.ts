import type { Coverage, RuleCoverage } from '../proving/coverage.ts'
import type { ExampleResult, RuleResult } from '../proving/proving.ts'
import { printPlural, printSafe } from './human.ts'
import type { Paint } from './paint.ts'

/** What `trestle test` says of one rule, as soon as it is through. */
export function drawRule({ file, examples }: RuleResult, width: number, paint: Paint): string {
  const failed = examples.filter(fails).length
  const name = printSafe(file).padEnd(width)
  if (examples.length === 0) return paint.faint(`– ${name}  no examples`)
  const count = printPlural(examples.length, 'example')
  if (failed === 0) return `${paint.good('✔')} ${name}  ${count}`
  return `${paint.bad('✖')} ${name}  ${count}, ${paint.bad(`${failed} ${failed === 1 ? 'fails' : 'fail'}`)}`
}

export const fails = ({ mismatches }: ExampleResult): boolean => mismatches.length > 0

/** Every example that fails, with what was expected (-) and what came (+). */
export function drawFailures(results: readonly RuleResult[], paint: Paint): string[] {
  const lines: string[] = []
  for (const example of results.flatMap(({ examples }) => examples).filter(fails)) {
    const { file, line, column, name, mismatches } = example
    lines.push('', `${printSafe(file)}:${line}:${column}  ${paint.strong(printSafe(name))}`)
    for (const { what, line: at, lines: found } of mismatches) {
      const place = at === line ? '' : paint.faint(`  line ${at}`)
      lines.push(`  ${printSafe(what)}${place}`)
      for (const { sign, text } of found) {
        const shown = `    ${sign} ${printSafe(text)}`
        lines.push(sign === '-' ? paint.bad(shown) : sign === '+' ? paint.good(shown) : shown)
      }
    }
  }
  return lines
}

/** `5 examples of 3 rules: 4 pass, 1 fails (12 ms)`. */
export function drawSummary(results: readonly RuleResult[], tookMs: number, paint: Paint): string {
  const examples = results.flatMap((result) => result.examples)
  const failed = examples.filter(fails).length
  const of = `${printPlural(examples.length, 'example')} of ${printPlural(results.length, 'rule')}`
  if (examples.length === 0)
    return `no examples in ${printPlural(results.length, 'rule')}: nothing is proven yet; write some under \`examples:\``
  const took = paint.faint(`(${Math.round(tookMs)} ms)`)
  if (failed === 0) return `${of}: ${paint.good('all pass')} ${took}`
  const verdict = paint.bad(`${failed} ${failed === 1 ? 'fails' : 'fail'}`)
  return `${of}: ${examples.length - failed} pass, ${verdict} ${took}   - expected  + seen`
}

/** Each rule's share of branches, then those that no example goes through, with their places. */
export function drawCoverage(coverage: Coverage, paint: Paint): string[] {
  const width = Math.max(0, ...coverage.rules.map(({ file }) => file.length))
  const lines = coverage.rules.map((rule) => drawRuleCoverage(rule, width, paint))
  const open = coverage.rules.flatMap(({ file, branches }) =>
    branches
      .filter(({ hits }) => hits === 0)
      .map(({ line, column, what }) => ({ place: `${file}:${line}:${column}`, what })),
  )
  const placeWidth = Math.max(0, ...open.map(({ place }) => place.length))
  for (const { place, what } of open)
    lines.push(`${printSafe(place).padEnd(placeWidth)}  ${paint.warn('never')}  ${printSafe(what)}`)
  const { covered, total } = coverage
  return [
    ...lines,
    `coverage ${printPercent(covered, total)}: ${covered} of ${printPlural(total, 'branch', 'branches')}`,
  ]
}

function drawRuleCoverage({ file, covered, total }: RuleCoverage, width: number, paint: Paint): string {
  const share = printPercent(covered, total).padStart(6)
  return `${printSafe(file).padEnd(width)}  ${covered === total ? paint.good(share) : paint.warn(share)}  ${covered}/${total}`
}

/** Rounded down: 100 % is all of them. */
export const printPercent = (part: number, whole: number): string =>
  `${whole === 0 ? 100 : Math.floor((part * 100) / whole)} %`
