import { type Code, codes } from '../../contract/codes.ts'
import { TrestleError } from '../../contract/error.ts'
import { type DeadLetterPage, drawDeadLetter, drawDeadLetters, type ShownDeadLetter } from '../dead-letter-table.ts'
import { printPlural, printSafe } from '../human.ts'
import { paintFor } from '../paint.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, wholeNumber, withHub } from '../verb.ts'

interface ListOptions extends HubOptions {
  sink?: string
  rule?: string
  after?: string
  limit: number
}

interface ChoiceOptions extends HubOptions {
  sink?: string
  rule?: string
  all?: boolean
}

/** `trestle dead-letters`: what could not be delivered, and what becomes of it. */
export function verb(context: VerbContext) {
  return newVerb(
    'dead-letters',
    'Lists, shows, replays or discards the messages that could not be delivered.',
    'trestle dead-letters list --sink lake\ntrestle dead-letters replay --sink lake',
  )
    .addCommand(listVerb(context))
    .addCommand(showVerb(context))
    .addCommand(choiceVerb(context, 'replay', 'replayed', 'Owes dead letters to their sinks again, in order.'))
    .addCommand(choiceVerb(context, 'discard', 'discarded', 'Forgets dead letters for good.'))
}

function listVerb(context: VerbContext) {
  const command = newVerb(
    'list',
    'Lists what could not be delivered, oldest first.',
    'trestle dead-letters list --sink lake --limit 20',
  )
  return withHub(command)
    .option('--sink <sink>', 'only those of this sink')
    .option('--rule <rule>', 'only those of this rule')
    .option('--after <id>', 'go on behind this one')
    .option('--limit <letters>', 'how many at most', wholeNumber(1, 1000), 50)
    .action(async (options: ListOptions) => {
      const query = new URLSearchParams({ limit: String(options.limit) })
      for (const name of ['sink', 'rule', 'after'] as const) {
        if (options[name] !== undefined) query.set(name, options[name])
      }
      const page = await clientFor(context, options).get<DeadLetterPage>(`/api/dead-letters?${query}`)
      const { terminal } = context
      terminal.out(options.json ? printJson(page) : `${drawDeadLetters(page, options.limit, Date.now()).join('\n')}\n`)
    })
}

function showVerb(context: VerbContext) {
  const command = newVerb(
    'show',
    'Shows one dead letter: where from, where to, why, and its bytes.',
    'trestle dead-letters show 18422-0',
  )
  return withHub(command.argument('<id>', 'its id, as `list` shows it')).action(
    async (id: string, options: HubOptions) => {
      const letter = await clientFor(context, options).get<ShownDeadLetter>(
        `/api/dead-letters/${encodeURIComponent(id)}`,
      )
      const { terminal } = context
      terminal.out(
        options.json ? printJson(letter) : `${drawDeadLetter(letter, paintFor(terminal.colour)).join('\n')}\n`,
      )
    },
  )
}

function choiceVerb(context: VerbContext, name: 'replay' | 'discard', done: 'replayed' | 'discarded', purpose: string) {
  const command = newVerb(
    name,
    purpose,
    `trestle dead-letters ${name} 18422-0\ntrestle dead-letters ${name} --sink lake`,
  )
  return withHub(command.argument('[ids...]', 'their ids, as `list` shows them'))
    .option('--sink <sink>', 'all of this sink')
    .option('--rule <rule>', 'all of this rule')
    .option('--all', 'all there are')
    .action(async (ids: string[], options: ChoiceOptions) => {
      const choice = readChoice(ids, options)
      const answer = await clientFor(context, options).post<Done>(`/api/dead-letters/${name}`, choice)
      tellDone(context, { answer, done, wanted: ids.length, asJson: options.json ?? false })
    })
}

interface Done {
  replayed?: number
  discarded?: number
  error?: { code: Code; message: string } | null
}

interface Told {
  answer: Done
  done: 'replayed' | 'discarded'
  /** How many were named; 0 when they were chosen otherwise. */
  wanted: number
  asJson: boolean
}

function tellDone({ terminal, setExit }: VerbContext, { answer, done, wanted, asJson }: Told): void {
  const count = answer[done] ?? 0
  terminal.out(asJson ? printJson(answer) : `${printPlural(count, 'dead letter')} ${done}.\n`)
  if (answer.error) {
    if (!asJson) terminal.err(`${answer.error.code}  ${printSafe(answer.error.message)}; the rest stay dead letters\n`)
    setExit(codes[answer.error.code]?.exit ?? codes.E999.exit)
    return
  }
  // Named ones that are not there are a mistake a script must notice.
  if (count < wanted) setExit(codes.E702.exit)
}

function readChoice(ids: string[], { sink, rule, all }: ChoiceOptions): object {
  if (ids.length > 0) return { ids }
  if (sink === undefined && rule === undefined && !all) {
    throw new TrestleError('E703', 'say which dead letters: ids, --sink, --rule or --all')
  }
  return { ...(sink === undefined ? {} : { sink }), ...(rule === undefined ? {} : { rule }), ...(all ? { all } : {}) }
}
