import { writeFileSync } from 'node:fs'
import { TrestleError } from '../../contract/error.ts'
import { suggest } from '../../document/suggest.ts'
import { Coverage } from '../../proving/coverage.ts'
import type { ProvingPlan } from '../../proving/plan.ts'
import { isChosen, prove, type RuleResult } from '../../proving/proving.ts'
import { ConfigRefused, printFaults } from '../faults.ts'
import { printJunit } from '../junit.ts'
import { paintFor } from '../paint.ts'
import { drawCoverage, drawFailures, drawRule, drawSummary, fails, printPercent } from '../test-report.ts'
import { newVerb, printJson, type VerbContext, wholeNumber } from '../verb.ts'

interface Options {
  config?: string
  json?: boolean
  junit?: string
  coverage?: boolean
  minCoverage?: number
  watch?: boolean
}

/** `trestle test`: runs the rules' examples; exit 1 when one fails or too few branches are covered. */
export function verb(context: VerbContext) {
  return newVerb(
    'test',
    'Runs the examples of the rules through the real engine, journal and outboxes, without a server.',
    'trestle test\ntrestle test line-telemetry --watch\ntrestle test --coverage --min-coverage 90 --junit examples.xml',
  )
    .argument('[rules...]', 'only rules of these names (or their files)')
    .option('-c, --config <file>', 'configuration file (default: config/trestle.yaml)')
    .option('--coverage', 'show which branches of the rules no example goes through')
    .option('--min-coverage <percent>', 'fail below this share of branches', wholeNumber(0, 100))
    .option('--junit <file>', 'write the results as JUnit XML too')
    .option('-w, --watch', 'run again whenever rules, schemas or the configuration change')
    .option('--json', 'print the results as JSON')
    .action((only: string[], options: Options) =>
      options.watch ? watch(context, only, options) : runOnce(context, only, options),
    )
}

async function runOnce(context: VerbContext, only: string[], options: Options): Promise<void> {
  const { planProof } = await context.loadHub()
  const { plan, faults } = await planProof(configOf(options))
  if (plan === null) throw new ConfigRefused(faults, 'No example was run.')
  refuseUnknown(plan, only)
  const { results, coverage, tookMs } = await run(context, plan, only, options)
  const share = coverage.total === 0 ? 100 : (coverage.covered * 100) / coverage.total
  const tooFew = options.minCoverage !== undefined && share < options.minCoverage
  if (options.junit !== undefined) writeResults(options.junit, results)
  tell(context, results, coverage, tookMs, options)
  if (tooFew) {
    const { covered, total } = coverage
    context.terminal.err(`coverage is ${printPercent(covered, total)}, and ${options.minCoverage} % are wanted\n`)
  }
  context.setExit(tooFew || results.some(({ examples }) => examples.some(fails)) ? 1 : 0)
}

async function run(
  { terminal }: VerbContext,
  plan: ProvingPlan,
  only: string[],
  options: Options,
): Promise<{ results: RuleResult[]; coverage: Coverage; tookMs: number }> {
  const paint = paintFor(terminal.colour)
  const width = Math.max(0, ...plan.rules.rules.map(({ file }) => file.length))
  const coverage = new Coverage(plan.rules.rules.filter((rule) => isChosen(rule, only)))
  const startMs = performance.now()
  const onRule = (result: RuleResult): void => terminal.out(`${drawRule(result, width, paint)}\n`)
  const results = await prove(plan, { only, coverage, ...(options.json ? {} : { onRule }) })
  return { results, coverage, tookMs: performance.now() - startMs }
}

function tell(
  { terminal }: VerbContext,
  results: readonly RuleResult[],
  coverage: Coverage,
  tookMs: number,
  options: Options,
): void {
  const paint = paintFor(terminal.colour)
  const shown = options.coverage === true || options.minCoverage !== undefined
  if (options.json) {
    terminal.out(printJson({ rules: results, ...(shown ? { coverage: coverage.report() } : {}) }))
    return
  }
  const lines = [...drawFailures(results, paint), '']
  if (shown) lines.push(...drawCoverage(coverage, paint), '')
  terminal.out(`${[...lines, drawSummary(results, tookMs, paint)].join('\n')}\n`)
}

/** Runs again after each change; a fault is told like any result, for it will be mended under the same eyes. */
async function watch(context: VerbContext, only: string[], options: Options): Promise<void> {
  const { terminal } = context
  const { watchSources } = await context.loadHub()
  const stopped = Promise.withResolvers<void>()
  const ignore = terminal.onInterrupt(stopped.resolve)
  let turn: Promise<void> = Promise.resolve()
  const again = (): void => {
    turn = turn.then(async () => {
      if (terminal.isTty) terminal.out('\x1b[2J\x1b[H')
      try {
        await runOnce(context, only, options)
      } catch (thrown) {
        if (thrown instanceof ConfigRefused) terminal.out(`${printFaults(thrown.faults, thrown).join('\n')}\n`)
        else terminal.out(`${TrestleError.from(thrown).message}\n`)
        context.setExit(1)
      }
      if (!options.json) terminal.out('Waiting for a change; Ctrl-C ends it.\n')
    }, stopped.reject)
  }
  again()
  await turn
  const watching = await watchSources(configOf(options), again)
  // Watching alone does not keep a process.
  const kept = setInterval(() => {}, 60_000)
  await stopped.promise
  clearInterval(kept)
  watching.close()
  ignore()
  await turn
}

const configOf = ({ config }: Options): { configFile?: string } => (config === undefined ? {} : { configFile: config })

function refuseUnknown({ rules }: ProvingPlan, only: readonly string[]): void {
  for (const word of only) {
    if (rules.rules.some((rule) => isChosen(rule, [word]))) continue
    const near = suggest(
      word,
      rules.rules.map(({ name }) => name),
    )
    const meant = near === undefined ? '' : ` (did you mean \`${near}\`?)`
    throw new TrestleError('E702', `there is no rule \`${word}\`${meant}`)
  }
}

function writeResults(file: string, results: readonly RuleResult[]): void {
  try {
    writeFileSync(file, printJunit(results))
  } catch (cause) {
    throw new TrestleError('E703', `the results cannot be written: ${(cause as Error).message}`, { cause })
  }
}
