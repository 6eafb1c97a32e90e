import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import { TrestleError } from '../../contract/error.ts'
import { draftJsonSchema, nothingSeen, type Seen, see } from '../../registry/infer.ts'
import { draftAvro } from '../../registry/infer-avro.ts'
import { printPlural, printSafe } from '../human.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, wholeNumber, withHub } from '../verb.ts'

interface Options extends HubOptions {
  topic?: string
  count: number
  seconds: number
  format: 'json' | 'avro'
  name: string
  closed?: boolean
}

/** `trestle schemas infer`: a draft from recorded or live messages. */
export function inferVerb(context: VerbContext) {
  const command = newVerb(
    'infer',
    'Drafts a schema from messages: JSON lines of a file or of standard input, or live ones of a topic filter.',
    `trestle schemas infer readings.jsonl\ntrestle schemas infer --topic 'plants/+/lines/#' --count 500\ncat readings.jsonl | trestle schemas infer --format avro --name Reading`,
  ).argument('[file]', 'JSON lines; - for standard input', '-')
  return withHub(command)
    .option('--topic <filter>', 'live messages of these topics instead')
    .option('-n, --count <messages>', 'enough', wholeNumber(1, 100_000), 1000)
    .option('--seconds <seconds>', 'how long to listen at most', wholeNumber(1, 86_400), 30)
    .addOption(new Option('--format <language>', 'what to draft').choices(['json', 'avro']).default('json'))
    .option('--name <name>', 'what an Avro record is called', 'Message')
    .option('--closed', 'allow no fields but those seen (JSON Schema)')
    .action(async (file: string, options: Options) => {
      const { terminal } = context
      const seen = nothingSeen()
      const passed =
        options.topic === undefined
          ? await readLines(context, file, options.count, seen)
          : await listen(context, options, seen)
      if (seen.count === 0)
        throw new TrestleError('E703', `there is no message to draft a schema from${passedOver(passed)}`)
      const { format, name, closed = false } = options
      const draft = format === 'avro' ? draftAvro(seen, name) : draftJsonSchema(seen, { closed })
      terminal.out(printJson(draft))
      if (!terminal.isTty && !options.json) return
      const what = `drafted from ${printPlural(seen.count, 'message')}`
      terminal.err(`${what}${passedOver(passed)}\n`)
    })
}

const passedOver = (count: number): string =>
  count === 0 ? '' : `; ${printPlural(count, 'message')} passed over, which ${count === 1 ? 'is' : 'are'} no JSON`

/** Answers how many lines are no JSON. */
async function readLines({ terminal }: VerbContext, file: string, count: number, seen: Seen): Promise<number> {
  const bytes = file === '-' ? await terminal.read() : await readFileOr(file)
  let passed = 0
  for (const line of Buffer.from(bytes).toString('utf8').split('\n')) {
    if (line.trim() === '') continue
    if (seen.count >= count) break
    if (!seeText(seen, line)) passed++
  }
  return passed
}

async function readFileOr(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new TrestleError('E703', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

async function listen(
  context: VerbContext,
  { topic = '#', count, seconds, ...options }: Options,
  seen: Seen,
): Promise<number> {
  const { terminal } = context
  const stopped = new AbortController()
  const ignore = terminal.onInterrupt(() => stopped.abort())
  const timer = setTimeout(() => stopped.abort(), seconds * 1000)
  const path = `/api/subscribe?filter=${encodeURIComponent(topic)}`
  let passed = 0
  try {
    for await (const { event, data } of clientFor(context, options).listen(path, stopped.signal)) {
      if (event === 'subscribed' && terminal.isTty)
        terminal.err(`listening to ${printSafe(topic)} for ${seconds} s or ${count} messages\n`)
      if (event !== 'message') continue
      const { payloadText } = data as { payloadText: string | null }
      if (payloadText === null || !seeText(seen, payloadText)) passed++
      if (seen.count >= count) break
    }
  } catch (error) {
    // The time is up: that is how listening is meant to end.
    if (!stopped.signal.aborted) throw error
  } finally {
    clearTimeout(timer)
    stopped.abort()
    ignore()
  }
  return passed
}

function seeText(seen: Seen, text: string): boolean {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return false // counted, and told at the end
  }
  see(seen, value)
  return true
}
