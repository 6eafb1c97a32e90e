import { readFile } from 'node:fs/promises'
import { InvalidArgumentError } from 'commander'
import { TrestleError } from '../../contract/error.ts'
import { printPlural, printSafe } from '../human.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, wholeNumber, withHub } from '../verb.ts'

type Pair = [name: string, value: string]

interface Options extends HubOptions {
  qos: number
  retain?: boolean
  property?: Pair[]
  contentType?: string
  responseTopic?: string
  expires?: number
}

/** `trestle publish`: one message, the same way as from a device; what it prints is what a PUBACK would mean. */
export function verb(context: VerbContext) {
  const command = newVerb(
    'publish',
    'Publishes one message and says what became of it.',
    `trestle publish plants/oslo/lines/3/telemetry '{"temperature_f": 212, "quality": "good"}'
trestle publish images/latest @photo.jpg --content-type image/jpeg --retain`,
  )
    .argument('<topic>', 'topic name, without wildcards')
    .argument('[payload]', 'the payload itself, @file, or - for standard input (default: empty)')
  return withHub(command)
    .option('-q, --qos <level>', '0: no answer, 1: at least once, 2: exactly once', wholeNumber(0, 2), 1)
    .option('-r, --retain', 'keep it as the last message of its topic')
    .option('-p, --property <name=value>', 'an MQTT 5 user property; may be repeated', readPair)
    .option('--content-type <type>', 'what the payload is')
    .option('--response-topic <topic>', 'where an answer is expected')
    .option('--expires <seconds>', 'how long it may live', wholeNumber(0, 4294967295))
    .action((topic: string, payload: string | undefined, options: Options) => publish(context, topic, payload, options))
}

async function publish(context: VerbContext, topic: string, given: string | undefined, options: Options) {
  const payload = await readPayload(context, given)
  const client = clientFor(context, options)
  const properties = propertiesOf(options)
  const startMs = performance.now()
  const receipt = await client.post<{ outcome: string; place: string | null }>('/api/publish', {
    topic,
    payloadBase64: Buffer.from(payload).toString('base64'),
    qos: options.qos,
    retain: options.retain ?? false,
    ...(properties === null ? {} : { properties }),
  })
  const tookMs = Math.round(performance.now() - startMs)
  if (options.json) return context.terminal.out(printJson({ topic, payloadBytes: payload.length, ...receipt, tookMs }))
  const place = receipt.place === null ? '' : ` as ${printSafe(receipt.place)}`
  const size = printPlural(payload.length, 'byte')
  context.terminal.out(`${receipt.outcome}${place}   ${printSafe(topic)}, ${size}, ${tookMs} ms\n`)
}

async function readPayload({ terminal }: VerbContext, given: string | undefined): Promise<Uint8Array> {
  if (given === undefined) return new Uint8Array()
  if (given === '-') return terminal.read()
  if (!given.startsWith('@')) return Buffer.from(given, 'utf8')
  try {
    return await readFile(given.slice(1))
  } catch (error) {
    throw new TrestleError('E703', `the payload cannot be read from '${given.slice(1)}'`, {
      detail: { advice: 'to send a text that begins with @, give it on standard input with -' },
      cause: error,
    })
  }
}

function propertiesOf({ property, contentType, responseTopic, expires }: Options) {
  const properties = {
    ...(property === undefined ? {} : { user: property }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(expires === undefined ? {} : { expirySeconds: expires }),
  }
  return Object.keys(properties).length === 0 ? null : properties
}

function readPair(text: string, before: Pair[] = []): Pair[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be name=value.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}
