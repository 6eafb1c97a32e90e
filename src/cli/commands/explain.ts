import { readFileSync } from 'node:fs'
import { TrestleError } from '../../contract/error.ts'
import type { Message } from '../../contract/message.ts'
import type { Given, GivenPayload } from '../../engine/example/example.ts'
import { explain } from '../../proving/explanation.ts'
import { messageOf } from '../../proving/given-message.ts'
import { encodeAs } from '../../proving/payload-forms.ts'
import type { ProvingPlan } from '../../proving/plan.ts'
import { drawExplanation } from '../explain-report.ts'
import { ConfigRefused } from '../faults.ts'
import { paintFor } from '../paint.ts'
import { newVerb, printJson, readSetting, type VerbContext, wholeNumber } from '../verb.ts'

interface Options {
  config?: string
  json?: boolean
  client: string
  username?: string
  qos: number
  retain?: boolean
  source?: string
  property?: Record<string, string>
}

/** `trestle explain`: what the rules would make of a message; nothing is sent. */
export function verb(context: VerbContext) {
  return newVerb(
    'explain',
    'Tells which rules take a message, each value on the way and where it would go, without sending it.',
    'trestle explain plants/oslo/lines/3/telemetry \'{"temperature_f": 212, "quality": "good"}\'\n' +
      'trestle explain plants/oslo/lines/3/telemetry @reading.bin --property unit=celsius',
  )
    .argument('<topic>', 'the topic it would be published to')
    .argument('[payload]', 'text, @file for the bytes of a file, - for standard input')
    .option('-c, --config <file>', 'configuration file (default: config/trestle.yaml)')
    .option('--client <id>', 'client identifier of the publisher', 'explain')
    .option('--username <name>', 'as whom the client has logged in')
    .option('--qos <level>', 'quality of service', wholeNumber(0, 2), 1)
    .option('--retain', 'as a retained message')
    .option('--source <name>', 'connector it came in by')
    .option('--property <name=value>', 'user property of MQTT 5; may be given several times', readSetting)
    .option('--json', 'print it as JSON')
    .action(async (topic: string, payload: string | undefined, options: Options) => {
      const { terminal, loadHub } = context
      const given = givenOf(topic, await payloadOf(payload, context), options)
      const { planProof } = await loadHub()
      const { plan, faults } = await planProof(options.config === undefined ? {} : { configFile: options.config })
      if (plan === null) throw new ConfigRefused(faults, 'Nothing was explained.')
      // One message alone: a rule may lean on what others have said before it.
      plan.trust()
      const explanation = explain(plan, messageFor(given, plan))
      terminal.out(
        options.json
          ? printJson(jsonOf(explanation))
          : `${drawExplanation(explanation, paintFor(terminal.colour)).join('\n')}\n`,
      )
    })
}

async function payloadOf(written: string | undefined, { terminal }: VerbContext): Promise<GivenPayload> {
  if (written === undefined) return { bytes: new Uint8Array(0) }
  if (written === '-') return { bytes: await terminal.read() }
  if (!written.startsWith('@')) return textPayload(written)
  try {
    return { bytes: readFileSync(written.slice(1)) }
  } catch (cause) {
    throw new TrestleError('E703', `the payload cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** Data that can be written as JSON is sent as the rules read it, as in their examples. */
function textPayload(text: string): GivenPayload {
  try {
    return { data: JSON.parse(text) as unknown, text }
  } catch {
    // Text that is no JSON is sent as it is.
    return { bytes: Buffer.from(text) }
  }
}

const givenOf = (topic: string, payload: GivenPayload, options: Options): Given => ({
  path: [],
  topic,
  payload,
  atMs: 0,
  client: options.client,
  username: options.username ?? null,
  qos: options.qos as 0 | 1 | 2,
  retain: options.retain === true,
  properties: options.property === undefined ? null : { user: options.property },
  source: options.source ?? null,
})

const messageFor = (given: Given, { rules }: ProvingPlan): Message =>
  messageOf(given, rules.lookup(given.topic), Date.now(), encodeAs)

/** Bytes as base64 and large integers as text: JSON has neither. */
const jsonOf = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, one: unknown) => {
      if (typeof one === 'bigint') return String(one)
      return one instanceof Uint8Array ? Buffer.from(one).toString('base64') : one
    }),
  )
